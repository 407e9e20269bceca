/** Records as they go to a topic, already encoded. */
export interface OutgoingRecord {
  readonly topic: string;
  /** Chosen by `Publisher.partitionOf`, so that what was sent can be compared with what was stored. */
  readonly partition: number;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: Uint8Array;
}

/** What one partition took of a batch. */
export interface Written {
  readonly topic: string;
  readonly partition: number;
  /** The offset after the last record of the batch in this partition. Decimal. */
  readonly nextOffset: string;
}

/** The same of one that is just stored. */
export interface Stored extends Written {
  /** Of the first record of the batch in this partition. Decimal. */
  readonly firstOffset: string;
}

/**
 * Puts records on Kafka's topics in order. One batch is in flight at a time: a second call before the first has
 * resolved throws. `kafkajs/` implements it and `publisher-contract.ts` is the suite that every implementation passes.
 */
export interface Publisher {
  /** The partition that a key belongs in: the same that every Kafka client with the standard partitioner computes. */
  partitionOf(topic: string, key: string): number;
  /**
   * Resolves once every record is stored by all in-sync replicas, in the order given within each partition; one entry
   * for each partition that the batch touched. Sends what was left out again, and the identical batch after a failure,
   * without end, until `signal` aborts. Rejects with `PublisherStopped` then, with `RecordRefused` where the broker will
   * never take the batch (too large), and with `TopicLost` where a topic is not there any more, or (`RecordsLost`) has
   * lost records that it had acknowledged. A right that is missing is no reason to give up: it is said in `status` until
   * somebody grants it. After a rejection some records may be stored: sending them again is safe.
   */
  publish(batch: readonly OutgoingRecord[], signal: AbortSignal): Promise<readonly Stored[]>;
  status(): PublisherStatus;
  close(): Promise<void>;
}

export interface PublisherStatus {
  readonly connected: boolean;
  /** Times that a batch or part of one had to be sent again, since the start. */
  readonly retries: number;
  /** In plain words, without addresses; set while sending fails. */
  readonly problem?: string;
}

export abstract class PublisherError extends Error {
  abstract readonly code: 'PUBLISHER_STOPPED' | 'RECORD_REFUSED' | 'TOPIC_LOST';
}

export class PublisherStopped extends PublisherError {
  readonly code = 'PUBLISHER_STOPPED';
}

export class RecordRefused extends PublisherError {
  readonly code = 'RECORD_REFUSED';
}

export class TopicLost extends PublisherError {
  readonly code = 'TOPIC_LOST';
}

/** It is there, and new records stand where others had been acknowledged: by now it may end as far as it did. */
export class RecordsLost extends TopicLost {
  constructor(
    readonly topic: string,
    message: string,
  ) {
    super(message);
  }
}

/** What is known of a partition's ends. Offsets are decimal. */
export interface PartitionEnds {
  readonly partition: number;
  /** The first record still kept. */
  readonly low: string;
  /** The offset after the last record. */
  readonly high: string;
}

/** A topic as the broker has it. */
export interface TopicDescription {
  readonly topic: string;
  readonly partitions: number;
  /** The smallest number of replicas that any partition has. */
  readonly replicas: number;
  /** Settings by Kafka's own names, e.g. `cleanup.policy`. */
  readonly settings: Readonly<Record<string, string>>;
}

export interface TopicPlan {
  readonly topic: string;
  readonly partitions: number;
  /** Undefined: the broker's own default. */
  readonly replicas?: number;
  readonly settings: Readonly<Record<string, string>>;
}

/**
 * What the relay asks of a cluster beside sending. The questions reject with `NotAllowed` where the relay has no right to
 * an answer, and with `ClusterFailed` where there is none now (no broker can be reached, or none answers in time).
 */
export interface Cluster {
  /** Undefined for each topic that does not exist. */
  describe(topics: readonly string[]): Promise<readonly (TopicDescription | undefined)[]>;
  /** A topic that another made meanwhile is no error. */
  create(plans: readonly TopicPlan[]): Promise<void>;
  /** In order of the partitions. Rejects with `TopicLost` where there is no such topic. */
  ends(topic: string): Promise<readonly PartitionEnds[]>;
  /**
   * Hands over what is stored from these offsets on, for ever, each partition in order, one call at a time, until `signal`
   * aborts; only then it resolves. It waits for a topic that is not there, and hands the same records over again where
   * the handler rejected. A partition without a start, or one that now ends before its start, is read from its beginning.
   */
  tail(topic: string, from: readonly TailStart[], handler: TailHandler, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export interface TailStart {
  readonly partition: number;
  readonly offset: string;
}

export interface IncomingRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: string;
  readonly key: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: Uint8Array | null;
}

/**
 * Records of one partition, and the place behind them. None where there is nothing but the marks of transactions: only the
 * place tells that these are passed.
 */
export type TailHandler = (records: readonly IncomingRecord[], reached: TailStart) => Promise<void>;

export class NotAllowed extends Error {
  readonly code = 'NOT_ALLOWED';
}

/** In plain words, without addresses. Asking again later may help. */
export class ClusterFailed extends Error {
  readonly code = 'CLUSTER_FAILED';
}
