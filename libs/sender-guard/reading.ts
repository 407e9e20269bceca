import { isUnderstood, readWatermarkRecord, TOPICS, WATERMARK_TYPE, type ReadChange } from '#contracts';
import type { GuardClock } from './clock.js';
import { Freshness } from './freshness.js';
import { Known } from './known.js';
import { Places, type Consumed } from './places.js';
import { laterOf, reaches } from './positions.js';
import type { TopicBatch, TopicEnds } from './source.js';
import type { TopicRecord } from './topic-record.js';

const { state, catalogue, optouts, watermarks } = TOPICS;
export const STATE_TOPICS = [state.topic, catalogue.topic];
export const OPT_OUT_TOPICS = [optouts.topic, watermarks.topic];
export const ALL_TOPICS = [...STATE_TOPICS, ...OPT_OUT_TOPICS];

/**
 * Told of each opt-out that comes after the topics were read to their ends; where they are read anew, also of each that
 * the reading before had not proved to know.
 */
export type HearOptOut = (change: ReadChange, record: TopicRecord) => void;

/**
 * One reading of the topics from their beginnings, as they were then: what was learnt, how far, and how fresh it is.
 * Where the topics turn out to be others it is dropped as a whole and another begins.
 */
export class Reading {
  readonly known = new Known();
  readonly freshness: Freshness;
  readonly places: Places;
  /** Set once a watermark contradicts an earlier one, until the ends of the topics have been looked at. */
  isDoubted = false;
  /** How far the opt-outs that were taken are, and the states since it is complete, proved or not. */
  #told: string | undefined;
  /** Resolves once the states and registers that the topics held at the beginning are known. */
  readonly statesRead: Promise<void>;
  #noteStatesRead: () => void = () => undefined;
  #isComplete = false;

  constructor(
    private readonly ends: TopicEnds,
    clock: GuardClock,
    private readonly hear: HearOptOut,
    private readonly heardUpTo?: string,
  ) {
    this.freshness = new Freshness(clock, ends.get(optouts.topic)?.length ?? 0);
    // A watermark from before proves nothing of now, however right its time looks by a clock that may be wrong.
    const startOf = (topic: string, { low, high }: { low: number; high: number }) =>
      topic === watermarks.topic ? high : low;
    this.places = new Places(ends, startOf, (topic) => topic === optouts.topic);
    this.statesRead = new Promise((resolve) => (this.#noteStatesRead = resolve));
    this.#noteProgress();
  }

  /** Whether everything that the topics held at the beginning has been taken into account. */
  get isComplete(): boolean {
    return (this.#isComplete ||= this.places.haveReached(this.ends, ALL_TOPICS));
  }

  /** A ledger that has reached it knows all that is known here; undefined where nothing is. */
  get reached(): string | undefined {
    return laterOf(this.freshness.position, this.#told);
  }

  /**
   * Up to where each partition is to be consumed before anything is answered, then up to where it was. A topic that ends
   * before was made anew since it was asked for its ends, and might not come to them for weeks.
   */
  wanted(): Consumed {
    if (this.isComplete) return this.places.consumed();
    return new Map([...this.ends].map(([topic, partitions]) => [topic, partitions.map(({ high }) => high)]));
  }

  /** False where records were lost or could not be kept: the reading is worth nothing any more. */
  take(batch: TopicBatch): boolean {
    const isLive = this.isComplete;
    try {
      for (const record of batch.records) this.#takeRecord(batch.topic, record, isLive);
    } catch {
      return false;
    }
    const isGoingOn = this.places.advance(batch);
    if (isGoingOn) this.#noteProgress();
    return isGoingOn;
  }

  #takeRecord(topic: string, record: TopicRecord, isLive: boolean): void {
    if (topic === optouts.topic || (isLive && topic === state.topic)) this.#told = laterOf(record.position, this.#told);
    switch (topic) {
      case optouts.topic: {
        const change = this.known.takeOptOut(record);
        if (change && (isLive || this.#isUnheard(record))) this.hear(change, record);
        return;
      }
      case watermarks.topic:
        return this.#takeWatermark(record);
      case state.topic:
        return this.known.takeState(record);
      case catalogue.topic:
        return this.known.takeCatalogue(record);
      default:
        throw new Error('a topic that was not asked for');
    }
  }

  #isUnheard({ position }: TopicRecord): boolean {
    return this.heardUpTo !== undefined && !reaches(this.heardUpTo, position);
  }

  #takeWatermark({ type, value }: TopicRecord): void {
    // One of another major version may promise less than it seems to: the one before goes on ageing.
    if (type !== WATERMARK_TYPE) return;
    const watermark = readWatermarkRecord(value);
    if (!isUnderstood(watermark) || watermark.topic !== optouts.topic) return;
    if (!this.freshness.watermark(watermark)) this.isDoubted = true;
  }

  #noteProgress(): void {
    if (this.places.haveReached(this.ends, STATE_TOPICS)) this.#noteStatesRead();
    const partitions = this.ends.get(optouts.topic) ?? [];
    partitions.forEach((_, partition) => {
      this.freshness.consumed(partition, this.places.nextOf(optouts.topic, partition));
    });
    this.known.proved(this.freshness.position);
  }
}
