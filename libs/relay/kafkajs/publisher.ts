import type { RecordMetadata } from 'kafkajs';
import { orAborted } from '#event-store';
import {
  PublisherError,
  PublisherStopped,
  RecordRefused,
  RecordsLost,
  TopicLost,
  type OutgoingRecord,
  type Publisher,
  type PublisherStatus,
  type Stored,
} from '../publisher.js';
import type { Client } from './client.js';
import { partitionOf } from './partitioner.js';
import { Session } from './session.js';
import { backOff } from './stopping.js';
import { troubleOf, type Trouble } from './trouble.js';

/** A broker that has just started may not know its topics yet: only what is missing for so long is gone. */
const TOPIC_LOST_AFTER_MS = 3000;

const STOPPED = 'sending was stopped';

/**
 * The publisher over kafkajs, whose idempotent producer loses acknowledged records unless it is held by these rules.
 * One batch at a time. What failed goes again as it was through the same session, so that brokers know the repeat. What
 * a result leaves out goes again. A batch that was given up ends its session: its sequence numbers must not be taken
 * over by other records. And an offset that does not come after what was acknowledged means that the broker took new
 * records for a repeat: they go again through a new session.
 */
export class KafkaJsPublisher implements Publisher {
  private session: Session | undefined;
  private current: Promise<unknown> | undefined;
  private stopping: AbortController | undefined;
  private closed = false;
  private retries = 0;
  private failures = 0;
  private problem: string | undefined;
  private missingSince: number | undefined;
  /** By partition: the offset after the last acknowledged record. */
  private readonly acknowledged = new Map<string, bigint>();

  constructor(private readonly client: Client) {}

  partitionOf(topic: string, key: string): number {
    const partitions = this.client.options.partitions[topic];
    if (partitions === undefined) throw new RangeError(`the number of partitions of ${topic} was not given`);
    return partitionOf(key, partitions);
  }

  publish(batch: readonly OutgoingRecord[], signal: AbortSignal): Promise<readonly Stored[]> {
    if (this.stopping) throw new Error('a batch is in flight: the next one waits for it');
    const stopping = new AbortController();
    const stop = () => stopping.abort(new PublisherStopped(STOPPED));
    if (this.closed || signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    this.stopping = stopping;
    const delivery = this.deliver(batch, stopping.signal).finally(() => {
      signal.removeEventListener('abort', stop);
      this.stopping = undefined;
    });
    this.current = delivery.catch(() => this.endSession());
    return delivery;
  }

  status(): PublisherStatus {
    const { problem, retries } = this;
    const connected = this.session?.isConnected === true && problem === undefined;
    return { connected, retries, ...(problem === undefined ? {} : { problem }) };
  }

  async close(): Promise<void> {
    this.closed = true;
    this.stopping?.abort(new PublisherStopped(STOPPED));
    this.endSession();
    await this.current;
  }

  private async deliver(batch: readonly OutgoingRecord[], signal: AbortSignal): Promise<readonly Stored[]> {
    const written = new Map<string, Stored>();
    for (let missing = batch; missing.length > 0;) {
      if (signal.aborted) throw new PublisherStopped(STOPPED);
      await this.attempt(missing, written, signal);
      missing = batch.filter((record) => !written.has(pairOf(record.topic, record.partition)));
      if (missing.length > 0) this.retries += 1;
      if (this.failures > 0) await backOff(this.failures, signal);
    }
    return [...written.values()];
  }

  /** Adds what was stored; says in `failures` whether the call failed. Rejects only with what `publish` rejects with. */
  private async attempt(
    records: readonly OutgoingRecord[],
    written: Map<string, Stored>,
    signal: AbortSignal,
  ): Promise<void> {
    const session = (this.session ??= new Session(this.client));
    try {
      const results = await orAborted(session.send(records), signal);
      this.take(session, records, results, written);
      this.problem = undefined;
      this.missingSince = undefined;
      this.failures = 0;
    } catch (error) {
      if (error instanceof PublisherError) throw error;
      this.failures += 1;
      this.meet(troubleOf(error), session);
    }
  }

  private take(
    session: Session,
    records: readonly OutgoingRecord[],
    results: readonly RecordMetadata[],
    written: Map<string, Stored>,
  ): void {
    const counts = countsOf(records);
    const taken = new Map<string, Stored>();
    let mistaken = false;
    for (const { topicName: topic, partition, baseOffset = '-1' } of results) {
      const pair = pairOf(topic, partition);
      const base = BigInt(baseOffset);
      const next = base + BigInt(counts.get(pair) ?? 0);
      if (!this.isPlausible(session, topic, pair, base)) mistaken = true;
      else if (next > BigInt(taken.get(pair)?.nextOffset ?? -1))
        taken.set(pair, { topic, partition, firstOffset: baseOffset, nextOffset: String(next) });
    }
    for (const [pair, entry] of taken) {
      written.set(pair, entry);
      session.settle(pair);
      this.acknowledged.set(pair, BigInt(entry.nextOffset));
    }
    if (mistaken) this.endSession();
  }

  /** Whether the answer can speak of this batch. Without a history that explains the mistake, the topic lost records. */
  private isPlausible(session: Session, topic: string, pair: string, base: bigint): boolean {
    if (base >= (this.acknowledged.get(pair) ?? 0n)) return true;
    if (session.hasSettled(pair) || base < 0n) return false;
    throw this.lost(topic, new RecordsLost(topic, `${topic} has lost records that it had acknowledged`));
  }

  private meet({ kind, problem }: Trouble, session: Session): void {
    this.problem = problem;
    if (kind !== 'topic-missing') this.missingSince = undefined;
    if (!session.isConnected) return this.endSession();
    switch (kind) {
      case 'again':
      case 'not-allowed':
        return;
      case 'reconnect':
        return session.reconnect();
      case 'renew':
        return this.endSession();
      case 'refused':
        if (session.isFresh) throw new RecordRefused(problem);
        return this.endSession();
      case 'topic-missing':
        return this.missTopic();
    }
  }

  private missTopic(): void {
    const now = performance.now();
    this.missingSince ??= now;
    if (now - this.missingSince >= TOPIC_LOST_AFTER_MS)
      throw this.lost('', new TopicLost('a topic is not there any more'));
  }

  /** What was acknowledged says nothing any more about the topic that takes its place; any, where none is named. */
  private lost(topic: string, error: TopicLost): TopicLost {
    this.missingSince = undefined;
    for (const pair of this.acknowledged.keys()) if (pair.startsWith(topic)) this.acknowledged.delete(pair);
    return error;
  }

  private endSession(): void {
    this.session?.end();
    this.session = undefined;
  }
}

function countsOf(records: readonly OutgoingRecord[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { topic, partition } of records) {
    const pair = pairOf(topic, partition);
    counts.set(pair, (counts.get(pair) ?? 0) + 1);
  }
  return counts;
}

function pairOf(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}
