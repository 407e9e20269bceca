import { FILTER_REQUEST, type FilterRequest } from '#grpc-messages';
import { asOf, bytesOf } from './bytes.js';
import { later } from './positions.js';

export interface AudienceOptions {
  readonly requests: AsyncIterable<FilterRequest> | Iterable<FilterRequest>;
  /** The position that no answer may be from before. */
  readonly newest: () => string | undefined;
}

/** A request as it was when it was taken: whoever makes an audience may use its objects again. */
interface Taken {
  readonly bytes: Buffer;
  readonly atLeast: string | undefined;
}

/** Requests that are under way at once. */
const UNDER_WAY = 8;

/** What the source of an audience failed with: it is the caller's own, and no stream that broke off. */
export class SourceFailed extends Error {}

/** The requests of an audience as they are taken from its source, each kept until it is answered. */
export class Audience {
  /** The oldest first. */
  readonly unanswered: Taken[] = [];
  private readonly source: AsyncIterator<FilterRequest> | Iterator<FilterRequest>;
  private taking: Promise<void> | undefined;
  private hasEnded = false;

  constructor(private readonly options: AudienceOptions) {
    const { requests } = options;
    this.source = Symbol.asyncIterator in requests ? requests[Symbol.asyncIterator]() : requests[Symbol.iterator]();
  }

  /** Whether everything was taken, and answered. */
  get isOver(): boolean {
    return this.hasEnded && this.unanswered.length === 0;
  }

  /** No more are taken than the answers that are read. */
  get mayTake(): boolean {
    return !this.hasEnded && this.unanswered.length < UNDER_WAY;
  }

  /** Resolves once one more was taken, or there are none; rejects with `SourceFailed`, from then on each time. */
  take(): Promise<void> {
    if (!this.taking) {
      this.taking = this.takeNext();
      // Whoever asks the next time is told.
      this.taking.catch(() => undefined);
    }
    return this.taking;
  }

  /** Waits until there is something to ask; false where there will be nothing. */
  async hasMore(): Promise<boolean> {
    while (this.mayTake && this.unanswered.length === 0) await this.take();
    return !this.isOver;
  }

  /** Those from `sent` on as they are to be sent now, be it again: a command may have been answered meanwhile. */
  messagesFrom(sent: number): readonly Buffer[] {
    const newest = this.options.newest();
    return this.unanswered.slice(sent).map(({ bytes, atLeast }) => asOf(FILTER_REQUEST, bytes, later(newest, atLeast)));
  }

  async close(): Promise<void> {
    const closed = Promise.resolve(this.source.return?.());
    // A source that still waits for something must not keep whoever has stopped reading.
    if (this.taking === undefined) await closed;
    else closed.catch(() => undefined);
  }

  private async takeNext(): Promise<void> {
    try {
      const next = await this.source.next();
      if (next.done) this.hasEnded = true;
      else this.unanswered.push({ bytes: bytesOf(FILTER_REQUEST, next.value), atLeast: next.value.atLeast });
    } catch (error) {
      throw new SourceFailed('the source of the audience failed', { cause: error });
    }
    this.taking = undefined;
  }
}
