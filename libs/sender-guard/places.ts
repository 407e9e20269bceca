import type { PartitionEnds, TopicBatch, TopicEnds } from './source.js';
import type { TopicRecord } from './topic-record.js';

interface Place {
  next: number;
  /** The last record that was consumed: by it a topic that was made anew is told from the one that was read. */
  anchor?: Pick<TopicRecord, 'offset' | 'timestampMs'>;
}

/** Topics whose offsets have no gaps but the marks of transactions. */
type IsGapless = (topic: string) => boolean;

/**
 * `behind`: some partition ends before what was consumed. Its records are gone, or its leader has changed and the new
 * one does not know yet how much all replicas have. `other`: there are more or fewer partitions, or one begins behind
 * what was consumed, so that what lies between will never come.
 */
export type Fit = 'same' | 'behind' | 'other';

export type Consumed = ReadonlyMap<string, readonly number[]>;

/** Whether these can still be the ends of what had been consumed when they were asked for. */
export function fitOf(consumed: Consumed, ends: TopicEnds): Fit {
  const all = [...consumed].map(([topic, nexts]) => ({ nexts, now: ends.get(topic) ?? [] }));
  if (all.some(({ nexts, now }) => now.length !== nexts.length)) return 'other';
  if (all.some(({ nexts, now }) => nexts.some((next, n) => next < (now[n]?.low ?? 0)))) return 'other';
  const reach = all.every(({ nexts, now }) => nexts.every((next, n) => next <= (now[n]?.high ?? -1)));
  return reach ? 'same' : 'behind';
}

/** How far each partition of some topics has been consumed. */
export class Places {
  readonly #places: ReadonlyMap<string, readonly Place[]>;

  constructor(
    ends: TopicEnds,
    startOf: (topic: string, ends: PartitionEnds) => number,
    private readonly isGapless: IsGapless,
  ) {
    const placesOf = ([topic, partitions]: readonly [string, readonly PartitionEnds[]]) =>
      [topic, partitions.map((one) => ({ next: startOf(topic, one) }))] as const;
    this.#places = new Map([...ends].map(placesOf));
  }

  /** Where to fetch from: with the last consumed record once more, to see that it is still there. */
  resumeFrom(topic: string): readonly number[] {
    return this.#of(topic).map(({ next, anchor }) => anchor?.offset ?? next);
  }

  nextOf(topic: string, partition: number): number {
    return this.#of(topic)[partition]?.next ?? 0;
  }

  /** Compaction leaves gaps, so what counts is the place and never how many records were read. */
  haveReached(ends: TopicEnds, topics: readonly string[]): boolean {
    return topics.every((topic) =>
      this.#of(topic).every(({ next }, partition) => next >= (ends.get(topic)?.[partition]?.high ?? 0)),
    );
  }

  /** The next offset of each partition, as of now. */
  consumed(): Consumed {
    return new Map([...this.#places].map(([topic, places]) => [topic, places.map(({ next }) => next)]));
  }

  /** Takes note of a batch; false where it does not go on from what was consumed: then records were lost. */
  advance({ topic, partition, records, first, next, high }: TopicBatch): boolean {
    const place = this.#of(topic)[partition];
    if (!place || high < place.next) return false;
    if (first > place.next && this.isGapless(topic)) return false;
    if (first < place.next && !holdsAnchor(place, records)) return false;
    if (next <= place.next) return true;
    place.next = next;
    const last = records.at(-1);
    if (last) place.anchor = { offset: last.offset, timestampMs: last.timestampMs };
    return true;
  }

  #of(topic: string): readonly Place[] {
    return this.#places.get(topic) ?? [];
  }
}

/** Records that were handed over before: the last of them must be what it was, unless compaction took it. */
function holdsAnchor({ anchor }: Place, records: TopicBatch['records']): boolean {
  if (records.length === 0) return true;
  if (anchor === undefined) return false;
  const again = records.find(({ offset }) => offset >= anchor.offset);
  return again !== undefined && (again.offset !== anchor.offset || again.timestampMs === anchor.timestampMs);
}
