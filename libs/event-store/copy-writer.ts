import { setTimeout as pause } from 'node:timers/promises';
import {
  RevisionConflict,
  StoreOverloaded,
  type Appended,
  type EventStore,
  type Revision,
  type StoredEvent,
} from './port.js';

/** The target is not what a copy of this source may be continued in; the message says why and names no stream. */
export class CopyRefused extends Error {
  readonly code = 'COPY_REFUSED';
}

/**
 * How far the events that are on their way may lie apart in the source. Nothing is ever displaced by more in the
 * target, also after any number of crashes, so a later run finds what is missing without holding the ledger in memory.
 */
export const COPY_WINDOW = 1_024;
/** Bytes on their way, beyond which nothing more is taken up. */
const WINDOW_BYTES = 16 * 1024 * 1024;
/** Far below what any store takes in one append; an event that is larger goes alone. */
const APPEND_BYTES = 256 * 1024;
const APPEND_EVENTS = 100;

interface Waiting {
  readonly ordinal: number;
  readonly event: StoredEvent;
}

/**
 * Writes events into another ledger with many appends in flight: those about one person, in whichever stream, one after
 * the other, so that everybody's own story keeps its order on every store; those about different persons side by side,
 * begun in the order in which they come.
 */
export class CopyWriter {
  private readonly lanes = new Map<string, Waiting[]>();
  /** Ordinals of what is not acknowledged yet, the oldest first. */
  private readonly open = new Set<number>();
  private openBytes = 0;
  private taken = 0;
  private failure: { readonly error: unknown } | undefined;
  private wake: () => void = () => undefined;
  /** Events that are durable in the target because of this run. */
  written = 0;

  constructor(private readonly to: EventStore) {}

  /** Resolves once the event is on its way. Rejects with what an earlier one failed with. */
  async add(event: StoredEvent): Promise<void> {
    while (this.failure === undefined && !this.hasRoom()) await this.change();
    this.rethrow();
    const waiting = { ordinal: this.taken++, event };
    this.open.add(waiting.ordinal);
    this.openBytes += sizeOf(event);
    const subject = subjectOf(event.stream);
    const lane = this.lanes.get(subject);
    if (lane) lane.push(waiting);
    else this.start(subject, [waiting]);
  }

  /** Resolves once everything is durable. Rejects where something was not written, when nothing is in flight any more. */
  async finish(): Promise<void> {
    while (this.lanes.size > 0) await this.change();
    this.rethrow();
  }

  private hasRoom(): boolean {
    const oldest = this.open.values().next().value;
    return oldest === undefined || (this.taken - oldest < COPY_WINDOW && this.openBytes < WINDOW_BYTES);
  }

  private start(subject: string, lane: Waiting[]): void {
    this.lanes.set(subject, lane);
    void this.run(lane)
      .catch((error: unknown) => (this.failure ??= { error }))
      .finally(() => {
        // Between its last look and here a lane may have been given more.
        if (lane.length > 0 && this.failure === undefined) return this.start(subject, lane);
        this.lanes.delete(subject);
        this.wake();
      });
  }

  /** After a failure no lane begins another append: what follows in the source must not stand there without it. */
  private async run(lane: Waiting[]): Promise<void> {
    while (lane.length > 0 && this.failure === undefined) {
      const batch = lane.splice(0, countOfBatch(lane));
      const events = batch.map(({ event }) => event);
      await this.append(events);
      for (const { ordinal, event } of batch) {
        this.open.delete(ordinal);
        this.openBytes -= sizeOf(event);
      }
      this.written += batch.length;
      this.wake();
    }
  }

  private async append(events: readonly StoredEvent[]): Promise<void> {
    const [first, last] = [events[0], events.at(-1)];
    if (!first || !last) return;
    if (events.some(isTombstone)) throw new CopyRefused(TOMBSTONED);
    const appended = await this.patiently(first.stream, events, before(first.revision));
    if (appended.revision !== last.revision) throw new CopyRefused('somebody else is writing into the target');
  }

  private async patiently(stream: string, events: readonly StoredEvent[], expected: Revision): Promise<Appended> {
    for (;;) {
      try {
        return await this.to.append(stream, events, expected, { repeats: 'kept' });
      } catch (error) {
        if (error instanceof RevisionConflict) throw conflict(error);
        if (!(error instanceof StoreOverloaded)) throw error;
        await pause(error.retryAfterMs);
      }
    }
  }

  private change(): Promise<void> {
    return new Promise((resolve) => (this.wake = resolve));
  }

  private rethrow(): void {
    if (this.failure !== undefined) throw this.failure.error;
  }
}

/** EventStoreDB puts it in the place of a stream that was deleted for good, behind every revision that there can be. */
function isTombstone({ revision }: StoredEvent): boolean {
  return Number(revision) > Number.MAX_SAFE_INTEGER;
}

const TOMBSTONED = 'a stream of the source was deleted for good, and a copy could not say so';

/** What of a lane goes as one append: the events of one stream that follow each other, and each id once. */
function countOfBatch(lane: readonly Waiting[]): number {
  const ids = new Set<string>();
  let bytes = 0;
  const end = lane.findIndex(({ event }, index) => {
    bytes += sizeOf(event);
    ids.add(event.id.toLowerCase());
    const fits = bytes <= APPEND_BYTES && index < APPEND_EVENTS && event.stream === lane[0]?.event.stream;
    return index > 0 && !(fits && ids.size > index);
  });
  return end < 0 ? lane.length : end;
}

/** What stands behind the category: the same for all the streams of one person. */
function subjectOf(stream: string): string {
  return stream.slice(stream.indexOf('-') + 1);
}

function sizeOf({ data, metadata }: StoredEvent): number {
  return data.length + metadata.length;
}

function before(revision: Revision): Revision {
  return revision === '0' ? 'none' : String(BigInt(revision) - 1n);
}

/** The streams of a ledger are complete and only a copy writes into its target, so one of the two is not so. */
function conflict({ actual, expected }: RevisionConflict): CopyRefused {
  const said = `a stream of the target is at revision ${actual} where the copy needs ${expected}`;
  return new CopyRefused(
    `${said}: somebody else writes into the target, or the source has lost the beginning of a stream`,
  );
}
