import { FILTER_REQUEST, type FilterRequest } from '#grpc-messages';
import { bytesOf } from './bytes.js';

export interface AudienceOptions {
  readonly requests: AsyncIterable<FilterRequest> | Iterable<FilterRequest>;
  readonly asOf: (request: FilterRequest) => FilterRequest;
}

/** Requests that are under way at once. */
const UNDER_WAY = 8;

/** What the source of an audience failed with: it is the caller's own, and no stream that broke off. */
export class SourceFailed extends Error {}

/** The requests of an audience as they are taken from its source, each kept until it is answered. */
export class Audience {
  /** As they are sent, the oldest first. */
  readonly unanswered: Buffer[] = [];
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
      else this.unanswered.push(bytesOf(FILTER_REQUEST, this.options.asOf(next.value)));
    } catch (error) {
      throw new SourceFailed('the source of the audience failed', { cause: error });
    }
    this.taking = undefined;
  }
}
