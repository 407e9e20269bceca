import { setTimeout as pause } from 'node:timers/promises';
import { orAborted } from '#event-store';
import { LANES, type LaneName, type Rewound } from './comparison.js';
import { takeLease, type HeldLease } from './lease.js';
import { ParkedEvents } from './parked.js';
import { TopicLost } from './publisher.js';
import type { RelayOptions } from './relay-options.js';
import type { LaneStatus, RelayStatus } from './status.js';
import type { Telling } from './tellings.js';
import { Term } from './term.js';
import { prepareTopics } from './topics.js';

export interface Relay {
  status(): RelayStatus;
  /** Ends what is in flight and gives the lease up; resolves when nothing of it runs any more. Idempotent. */
  close(): Promise<void>;
}

/** How soon the relay looks again at brokers or topics that were not as they must be, in milliseconds. */
const LOOK_AGAIN_MS = 5_000;
const FIRST_LOOK_AGAIN_MS = 200;
const MINUTE_MS = 60_000;
/** The same complaint is not made more often than this, in milliseconds. */
const COMPLAIN_EVERY_MS = 10_000;

/**
 * Begins to tell Kafka what the ledger says, as soon as no other process does and the brokers are there, and goes on
 * until it is closed. Nothing that happens to the brokers, the topics, the lease or the view ends it.
 */
export function startRelay(options: RelayOptions): Relay {
  return new RunningRelay(options);
}

class RunningRelay implements Relay {
  readonly #options: RelayOptions;
  readonly #closing = new AbortController();
  readonly #parked: ParkedEvents;
  readonly #running: Promise<unknown>;
  readonly #complained = new Map<string, number>();
  readonly #lost = new Set<LaneName>();
  #lease: HeldLease | undefined;
  #term: Term | undefined;
  #problem: string | undefined;
  #warnings: readonly string[] = [];
  #healed = 0;

  constructor(options: RelayOptions) {
    this.#options = options;
    this.#parked = new ParkedEvents(options.database);
    this.#running = Promise.all([this.#run(), this.#warn()]);
  }

  status(): RelayStatus {
    const leader = this.#lease?.holds() === true;
    return {
      leader,
      lanes: leader ? this.#lanes() : [],
      parked: this.#parked.count,
      healed: this.#healed,
      ...(this.#problem === undefined ? {} : { problem: this.#problem }),
      warnings: this.#warnings,
    };
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  #lanes(): readonly LaneStatus[] {
    if (this.#term) return this.#term.status(this.#options.clock.now());
    return LANES.map((name) => ({ name, lagMs: Infinity, batches: 0, retries: 0 }));
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    const { onLost } = this.#options;
    const onProblem = (error: unknown) => this.#complain('lease', error);
    while (!signal.aborted) {
      this.#lease = await takeLease({ ...this.#options, ...this.#options.limits, onProblem }, signal).catch(
        () => undefined,
      );
      if (!this.#lease) continue;
      await this.#lead(this.#lease);
      await this.#lease.release();
      this.#lease = undefined;
      if (onLost && !signal.aborted) return onLost();
    }
  }

  /** Publishes for as long as the lease is held. */
  async #lead(lease: HeldLease): Promise<void> {
    this.#options.log.info({ component: 'relay' }, 'the relay publishes');
    const over = AbortSignal.any([lease.signal, this.#closing.signal]);
    for (let failures = 0; !over.aborted;) {
      try {
        const isReady = await this.#prepare(over);
        const reason = isReady ? await this.#serve(lease, over) : undefined;
        failures = reason instanceof TopicLost ? 0 : failures + 1;
      } catch (error) {
        if (over.aborted) break;
        failures += 1;
        this.#problem = error instanceof Error ? error.message : 'the relay cannot begin';
        this.#complain('relay', error);
      }
      const waitMs = Math.min(LOOK_AGAIN_MS, FIRST_LOOK_AGAIN_MS * 2 ** failures);
      await pause(waitMs, undefined, { signal: over }).catch(() => undefined);
    }
    if (!this.#closing.signal.aborted) this.#options.log.warn({ component: 'relay' }, 'the relay lost its lease');
  }

  /** Whether the topics are there and as they must be; says in the log what is wrong with them. */
  async #prepare(over: AbortSignal): Promise<boolean> {
    const { kafka, topics, log } = this.#options;
    const { ready, problems, warnings } = await orAborted(prepareTopics(kafka.cluster, topics), over);
    const news = warnings.filter((warning) => !this.#warnings.includes(warning));
    for (const warning of news) log.warn({ component: 'relay', warning }, 'a topic is less safe than it should be');
    this.#warnings = warnings;
    this.#problem = ready ? undefined : problems[0];
    if (!ready) for (const problem of problems) this.#complain(problem, undefined, problem);
    return ready;
  }

  /** Runs the lanes until something ends them; gives the reason. */
  async #serve(lease: HeldLease, over: AbortSignal): Promise<unknown> {
    const term = await Term.begin(
      {
        ...{ relay: this.#options, lease, parked: this.#parked, lost: this.#lost },
        onRewound: (rewound) => this.#rewound(rewound),
        onParked: (telling) => this.#tellParked(telling),
        onHealed: (recipients) => this.#tellHealed(recipients),
        onNobodys: (keys) => this.#tellNobodys(keys),
        onError: (lane, error) => this.#complain(lane, error),
      },
      over,
    );
    this.#term = term;
    const end = () => void term.close();
    // It may have come to an end while the term began.
    if (over.aborted) end();
    over.addEventListener('abort', end, { once: true });
    const reason = await term.over();
    over.removeEventListener('abort', end);
    await term.close();
    this.#term = undefined;
    if (!over.aborted) this.#complain('relay', reason);
    return reason;
  }

  #rewound(rewound: readonly Rewound[]): void {
    for (const { lane, why } of rewound) {
      const fields = { component: 'relay', follower: lane, reason: why };
      this.#options.log.warn(fields, 'a lane begins again at the start of the ledger');
    }
  }

  #tellParked({ about }: Telling): void {
    const { stream, revision, eventId } = about;
    const fields = { component: 'relay', stream, revision, eventId };
    this.#options.log.error(
      fields,
      'an event could not be published as it is: its recipient is published as unreadable',
    );
  }

  #tellHealed(records: number): void {
    this.#healed += records;
    const fields = { component: 'relay', count: records };
    this.#options.log.warn(fields, 'somebody else wrote over states or registers: they are published again');
  }

  #tellNobodys(keys: number): void {
    const fields = { component: 'relay', count: keys };
    this.#options.log.warn(fields, 'somebody else wrote states or registers under keys that are nobody: they stay');
  }

  #complain(about: string, error: unknown, problem?: string): void {
    const nowMs = this.#options.clock.monotonic();
    if (nowMs - (this.#complained.get(about) ?? -Infinity) < COMPLAIN_EVERY_MS) return;
    this.#complained.set(about, nowMs);
    const fields = { component: 'relay', ...(problem === undefined ? { follower: about, err: error } : { problem }) };
    this.#options.log.warn(fields, 'the relay met a problem and goes on trying');
  }

  /** Whoever is to be woken by it reads the log: a line for each lane that is behind, once a minute. */
  async #warn(): Promise<void> {
    const { signal } = this.#closing;
    const { log, limits } = this.#options;
    while (!signal.aborted) {
      await pause(MINUTE_MS, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      for (const { name, lagMs, problem = this.#problem } of this.status().lanes) {
        if (lagMs <= limits.lagWarnMs) continue;
        const why = problem === undefined ? {} : { problem };
        log.warn({ component: 'relay', follower: name, lagMs, ...why }, 'the relay is behind');
      }
    }
  }
}
