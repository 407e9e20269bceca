import type { TopicRecord } from './topic-record.js';

/** Where the guard's records come from. `kafkajs/` implements it. */
export interface Source {
  /** Rejects with `SourceTrouble`, as soon as `signal` aborts at the latest. */
  ends(topics: readonly string[], signal: AbortSignal): Promise<TopicEnds>;
  /** Begins to fetch; what goes wrong, also at the very start, ends the tail. */
  tail(options: TailOptions): Tail;
}

/** The ends of each partition of each topic, by the partition's number. */
export type TopicEnds = ReadonlyMap<string, readonly PartitionEnds[]>;

export interface PartitionEnds {
  /** The first offset that is still kept. */
  readonly low: number;
  /** The offset after the last record. */
  readonly high: number;
}

export interface TailOptions {
  readonly topics: readonly string[];
  /** Where to fetch from, by topic and partition; asked again whenever the broker hands the partitions out anew. */
  readonly from: (topic: string) => readonly number[];
  /** Never throws. */
  readonly onBatch: (batch: TopicBatch) => void;
  /** Called whenever a broker has answered a fetch, with records or without. */
  readonly onFetch: () => void;
}

export interface TopicBatch {
  readonly topic: string;
  readonly partition: number;
  /** In the order of their offsets; none where there is nothing but the marks of transactions. */
  readonly records: readonly TopicRecord[];
  /** The offset of the first and the one after the last, of records or marks. */
  readonly first: number;
  readonly next: number;
  /** The offset after the last record that the partition has. */
  readonly high: number;
}

export interface Tail {
  /** Resolves with why, once it has ended by itself or by `close`. */
  readonly ended: Promise<SourceTrouble | undefined>;
  /** Hands nothing over any more from the call on. Resolves within about a second. */
  close(): Promise<void>;
}

/** `missing`: a topic is not there. `refused`: the credentials or rights do not suffice. `away`: it may pass. */
export class SourceTrouble extends Error {
  constructor(
    readonly kind: 'away' | 'missing' | 'refused',
    message: string,
  ) {
    super(message);
  }
}
