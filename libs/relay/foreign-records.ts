import { setTimeout as pause } from 'node:timers/promises';
import { ID_PATTERN } from '#consent';
import { TOPICS } from '#contracts';
import { orAborted } from '#event-store';
import { isRecipientId } from '#packed';
import type { LaneProgress } from './progress.js';
import type { Cluster, IncomingRecord, PartitionEnds, Stored, TailHandler, TailStart } from './publisher.js';

/** Of the topics that keep only the newest of each key, whose records they hold. */
export const COMPACTED = [
  { topic: TOPICS.state.topic, kind: 'recipient', isKey: isRecipientId },
  { topic: TOPICS.catalogue.topic, kind: 'business', isKey: (key: string) => ID_PATTERN.test(key) },
] as const;

export interface ForeignOptions {
  /** A compacted topic that this relay alone should write. */
  readonly topic: string;
  readonly cluster: Pick<Cluster, 'ends' | 'tail'>;
  /** Up to where each partition was looked through, apart from what was written. */
  readonly heard: LaneProgress;
  /** Whether a key can be somebody's at all. */
  readonly isKey: (key: string) => boolean;
  /** What each partition held when the lease was taken. */
  readonly ends: readonly PartitionEnds[];
  /** Publishes the newest records of these keys again; resolves once that is done. */
  readonly heal: (keys: readonly string[]) => Promise<void>;
  readonly onHealed: (keys: number) => void;
  /** Told how many keys were nobody's: there is nothing to publish under them. */
  readonly onNobodys: (keys: number) => void;
  readonly onError: (error: unknown) => void;
  /** A gap that is not read by then, say for a transaction that stays open in it, lets the others go first; milliseconds. */
  readonly turnMs?: number;
  readonly signal: AbortSignal;
}

/** Offsets of a partition. */
interface Stretch {
  readonly from: bigint;
  /** Exclusive. */
  readonly to: bigint;
}

/** What somebody else wrote, as far as this relay knows; or this one, whom no broker told of it. */
interface Gap extends Stretch {
  readonly partition: number;
}

/** How often the ends are looked at, and how soon what failed is tried again; milliseconds. */
const LOOK_MS = 5_000;
const AGAIN_MS = 1_000;
const TURN_MS = 10_000;

/**
 * A relay that was stopped beyond its lease and goes on may still write an older state or register over a newer one, and
 * compaction would keep the older. Every record that this relay writes has an offset that follows from the one before, unless
 * somebody else wrote in between: then what stands there is read, and who is named there is published again. What it wrote
 * itself and was not told of counts as somebody else's: a batch that was given up may arrive behind a newer one.
 */
export class ForeignRecords {
  readonly #options: ForeignOptions;
  /** The offset that the next record of each partition is to have. */
  readonly #expected = new Map<number, bigint>();
  readonly #gaps = new Map<number, number>();
  /** What stands in open gaps and is this relay's own: an end that is asked for may come before the answer to a batch. */
  readonly #own = new Map<number, readonly Stretch[]>();
  readonly #looking: Promise<void>;
  #reading: Promise<void> = Promise.resolve();

  constructor(options: ForeignOptions) {
    this.#options = options;
    for (const { partition, high } of options.ends) {
      const heard = BigInt(options.heard.offsetOf(options.topic, partition) ?? high);
      this.#expected.set(partition, heard < BigInt(high) ? heard : BigInt(high));
      this.#sees(partition, BigInt(high));
      this.#settle(partition);
    }
    this.#looking = this.#look();
  }

  /** What this relay wrote itself. */
  wrote(stored: readonly Stored[]): void {
    const here = stored.filter(({ topic }) => topic === this.#options.topic);
    if (here.length === 0) return;
    for (const { partition, firstOffset, nextOffset } of here) {
      const own = { from: BigInt(firstOffset), to: BigInt(nextOffset) };
      this.#sees(partition, own.from);
      const expected = this.#expected.get(partition) ?? 0n;
      if (own.from < expected) this.#own.set(partition, [...(this.#own.get(partition) ?? []), own]);
      if (own.to > expected) this.#expected.set(partition, own.to);
      this.#settle(partition);
    }
    this.#options.heard.save(undefined);
  }

  /** Resolves when nothing is looked at any more. The signal must have been aborted. */
  async ended(): Promise<void> {
    await this.#looking;
    await this.#reading;
  }

  /** The partition holds everything below `offset`. */
  #sees(partition: number, offset: bigint): void {
    const from = this.#expected.get(partition) ?? 0n;
    if (offset <= from) return;
    this.#expected.set(partition, offset);
    this.#gaps.set(partition, (this.#gaps.get(partition) ?? 0) + 1);
    this.#readLater({ partition, from, to: offset });
  }

  /** Everything up to what is expected next was looked through, once no gap of the partition is open. */
  #settle(partition: number): void {
    if ((this.#gaps.get(partition) ?? 0) > 0) return;
    this.#own.delete(partition);
    const { topic, heard } = this.#options;
    const expected = this.#expected.get(partition) ?? 0n;
    // Where what others wrote was cut off, the partition ends before what was looked through, and has lost nothing of this relay's.
    if (expected < BigInt(heard.offsetOf(topic, partition) ?? 0)) return;
    heard.note([{ topic, partition, nextOffset: String(expected) }]);
  }

  /** Nobody else may be published in a partition for weeks: then only its end tells that somebody else wrote there. */
  async #look(): Promise<void> {
    const { topic, cluster, signal, onError } = this.#options;
    while (!signal.aborted) {
      const before = new Map(this.#expected);
      await pause(LOOK_MS, undefined, { signal }).catch(() => undefined);
      try {
        const ends = signal.aborted ? [] : await orAborted(cluster.ends(topic), signal);
        for (const { partition, high } of ends) {
          // Where this relay wrote meanwhile, the offsets of that told as much, and the end may be its own doing.
          if (this.#expected.get(partition) === before.get(partition)) this.#sees(partition, BigInt(high));
        }
      } catch (error) {
        if (!signal.aborted) onError(error);
      }
    }
  }

  async #readUntilDone(gap: Gap): Promise<void> {
    const { signal, onError, heard } = this.#options;
    for (let from = gap.from; !signal.aborted;) {
      try {
        from = await this.#read({ ...gap, from });
        if (from < gap.to) return this.#readLater({ ...gap, from });
        this.#gaps.set(gap.partition, (this.#gaps.get(gap.partition) ?? 1) - 1);
        this.#settle(gap.partition);
        heard.save(undefined);
        return;
      } catch (error) {
        if (signal.aborted) return;
        onError(error);
        await pause(AGAIN_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  #readLater(gap: Gap): void {
    this.#reading = this.#reading.then(() => this.#readUntilDone(gap));
  }

  /** Gives how far the gap was read: to its end, or as far as its turn lasted. */
  async #read({ partition, from, to }: Gap): Promise<bigint> {
    const { topic, cluster, signal, turnMs = TURN_MS } = this.#options;
    const done = new AbortController();
    let reached = from;
    const handler: TailHandler = async (records, place) => {
      if (done.signal.aborted || place.partition !== partition) return;
      await this.#heal(
        partition,
        records.filter(({ offset }) => BigInt(offset) < to),
      );
      reached = BigInt(place.offset);
      if (reached >= to) done.abort();
    };
    const over = AbortSignal.any([signal, done.signal, AbortSignal.timeout(turnMs)]);
    await cluster.tail(topic, this.#startsAt(partition, from), handler, over);
    return reached;
  }

  /** Of the others only what is still to come: else all that they hold would be read first, and again for each gap. */
  #startsAt(wanted: number, from: bigint): readonly TailStart[] {
    return [...this.#expected].map(([partition, expected]) => {
      return { partition, offset: String(partition === wanted ? from : expected) };
    });
  }

  async #heal(partition: number, records: readonly IncomingRecord[]): Promise<void> {
    const { isKey, heal, onHealed, onNobodys } = this.#options;
    const foreign = records
      .filter(({ offset }) => !this.#isOwn(partition, BigInt(offset)))
      .flatMap(({ key }) => key ?? []);
    const all = [...new Set(foreign)];
    const keys = all.filter(isKey);
    if (keys.length < all.length) onNobodys(all.length - keys.length);
    if (keys.length === 0) return;
    await heal(keys);
    onHealed(keys.length);
  }

  #isOwn(partition: number, offset: bigint): boolean {
    return this.#own.get(partition)?.some(({ from, to }) => offset >= from && offset < to) ?? false;
  }
}
