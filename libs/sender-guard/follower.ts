import { setTimeout as sleep } from 'node:timers/promises';
import type { GuardClock } from './clock.js';
import { fitOf, type Fit } from './places.js';
import { laterOf } from './positions.js';
import { ALL_TOPICS, OPT_OUT_TOPICS, Reading, STATE_TOPICS, type HearOptOut } from './reading.js';
import type { Source, SourceTrouble, TopicBatch } from './source.js';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;
/** So often the ends of the topics are looked at, to see that nothing which was consumed is gone. */
const LOOK_AT_ENDS_MS = 10_000;
const LOOK_WHEN_DOUBTED_MS = 500;
/**
 * A replica that has just become the leader answers with ends that lag behind, until the others have fetched from it. So
 * long ends that are behind may be no more than that; meanwhile no watermark that contradicts another is trusted.
 */
const BEHIND_MS = 10_000;

/**
 * Reads the topics and follows them, for ever, whatever breaks: a consumer that ended is replaced by one that goes on
 * after it, and where the topics are not the ones that were read everything is read anew.
 */
export class Follower {
  #reading: Reading | undefined;
  /** What the readings before had reached, and by how much they knew the ledger's clock ahead of the monotonic one. */
  #left: string | undefined;
  #leftAheadMs = Number.NEGATIVE_INFINITY;
  #trouble: SourceTrouble | undefined;
  #answeredMs = Number.NEGATIVE_INFINITY;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  /** Times that everything was read anew, and that a consumer was replaced. */
  reloads = 0;
  restarts = 0;

  constructor(
    private readonly source: Source,
    private readonly clock: GuardClock,
    private readonly hear: HearOptOut,
    private readonly changed: () => void,
  ) {
    this.#running = this.#run();
  }

  /** Undefined until the topics' ends are known, and between two readings. */
  get reading(): Reading | undefined {
    return this.#reading;
  }

  /** All that was ever known here is known to a ledger that has reached it. */
  get reached(): string | undefined {
    return laterOf(this.#reading?.reached, this.#left);
  }

  /** What is wrong, while something is. */
  get trouble(): SourceTrouble | undefined {
    return this.#trouble;
  }

  /** An instant that the ledger's clock has reached by now. Never falls, also where everything is read anew. */
  ledgerMs(monotonicMs: number): number {
    const readMs = this.#reading?.freshness.ledgerMs(monotonicMs) ?? Number.NEGATIVE_INFINITY;
    return Math.max(readMs, monotonicMs + this.#leftAheadMs);
  }

  /** How long ago a broker last answered a fetch. */
  fetchAgeMs(monotonicMs: number): number {
    return monotonicMs - this.#answeredMs;
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    let heardUpTo: string | undefined;
    for (let failures = 0; !signal.aborted; failures += 1) {
      const beganMs = this.clock.monotonicMs();
      try {
        const ends = await this.source.ends(ALL_TOPICS, signal);
        const reading = new Reading(ends, this.clock, this.hear, heardUpTo);
        this.#reading = reading;
        await this.#follow(reading);
        // One that is lost again and again before it is of use is a load to the brokers, and to whoever else reads them.
        if (reading.isComplete && this.clock.monotonicMs() - beganMs > LONGEST_PAUSE_MS) failures = 0;
        heardUpTo = reading.freshness.position ?? heardUpTo;
        this.reloads += 1;
      } catch (error) {
        this.#note(error as SourceTrouble);
      }
      this.#leave();
      this.changed();
      await pause(failures, signal);
    }
  }

  #leave(): void {
    const monotonicMs = this.clock.monotonicMs();
    this.#leftAheadMs = this.ledgerMs(monotonicMs) - monotonicMs;
    this.#left = this.reached;
    this.#reading = undefined;
  }

  /** Resolves when the reading has to be dropped. */
  async #follow(reading: Reading): Promise<void> {
    const over = new AbortController();
    const signal = AbortSignal.any([over.signal, this.#stop.signal]);
    // From this moment on nothing is answered from it, however long its consumers take to end.
    const lost = () => {
      this.#leave();
      over.abort();
      this.changed();
    };
    const take = (batch: TopicBatch) => {
      if (signal.aborted) return;
      if (reading.take(batch)) this.changed();
      else lost();
    };
    const keepTailing = (topics: readonly string[]) => this.#keepTailing(topics, reading, take, lost, signal);
    // States first: most opt-outs are in them already, and need not be kept a second time.
    const optOuts = Promise.race([reading.statesRead, aborted(signal)]).then(() => keepTailing(OPT_OUT_TOPICS));
    await Promise.all([keepTailing(STATE_TOPICS), optOuts, this.#lookAtEnds(reading, lost, signal)]);
  }

  async #keepTailing(
    topics: readonly string[],
    reading: Reading,
    onBatch: (batch: TopicBatch) => void,
    lost: () => void,
    signal: AbortSignal,
  ): Promise<void> {
    for (let failures = 0; !signal.aborted; failures += 1) {
      const onFetch = () => {
        failures = 0;
        this.#answered();
      };
      const from = (topic: string) => reading.places.resumeFrom(topic);
      const tail = this.source.tail({ topics, from, onBatch, onFetch });
      const trouble = await untilAborted(tail.ended, signal);
      await tail.close();
      if (signal.aborted) return;
      this.restarts += 1;
      if (trouble) this.#note(trouble);
      if (trouble?.kind === 'missing') return lost();
      await pause(failures, signal);
    }
  }

  async #lookAtEnds(reading: Reading, lost: () => void, signal: AbortSignal): Promise<void> {
    let lookedMs = this.clock.monotonicMs();
    let behindSinceMs: number | undefined;
    while (!signal.aborted) {
      await pauseFor(LOOK_WHEN_DOUBTED_MS, signal);
      const nowMs = this.clock.monotonicMs();
      const isDue = nowMs - lookedMs >= LOOK_AT_ENDS_MS;
      if (signal.aborted || !(isDue || reading.isDoubted || behindSinceMs !== undefined)) continue;
      lookedMs = nowMs;
      const fit = await this.#fitOf(reading, signal);
      behindSinceMs = fit === 'behind' ? (behindSinceMs ?? nowMs) : undefined;
      if (fit === 'other' || nowMs - (behindSinceMs ?? nowMs) >= BEHIND_MS) return lost();
      if (fit !== 'same') continue;
      reading.freshness.trust();
      reading.isDoubted = false;
    }
  }

  /** Undefined where nobody answers. What is consumed while they are asked for may be past the ends. */
  async #fitOf(reading: Reading, signal: AbortSignal): Promise<Fit | undefined> {
    const [consumed, wanted] = [reading.places.consumed(), reading.wanted()];
    try {
      const ends = await this.source.ends(ALL_TOPICS, signal);
      const fit = fitOf(consumed, ends);
      return fit === 'same' ? fitOf(wanted, ends) : fit;
    } catch (error) {
      return (error as SourceTrouble).kind === 'missing' ? 'other' : undefined;
    }
  }

  #answered(): void {
    this.#answeredMs = this.clock.monotonicMs();
    this.#trouble = undefined;
  }

  #note(trouble: SourceTrouble): void {
    this.#trouble = trouble;
    this.changed();
  }
}

async function pause(failures: number, signal: AbortSignal): Promise<void> {
  const ms = Math.min(FIRST_PAUSE_MS * 2 ** failures, LONGEST_PAUSE_MS);
  await pauseFor(ms * (0.5 + Math.random() / 2), signal);
}

async function pauseFor(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
}

/**
 * Undefined where the signal aborts first. Leaves nothing behind: a race of the one long promise that a signal is with
 * each of many short ones would be kept by it, every time.
 */
async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  let stop: () => void = () => undefined;
  const aborted = new Promise<undefined>((resolve) => (stop = () => resolve(undefined)));
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    else signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}
