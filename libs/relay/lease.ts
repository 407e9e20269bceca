import { setTimeout as pause } from 'node:timers/promises';
import { LeaseLost, type LeaseRow, type RelayDatabase } from './relay-database.js';

export interface LeaseOptions {
  readonly database: RelayDatabase;
  /** Names this process among those that may publish. */
  readonly holder: string;
  readonly clock: { now(): number; monotonic(): number };
  /** How long a holder that is not heard of keeps others away, in milliseconds. */
  readonly leaseMs: number;
  /** Whether no other process can be using the database: whoever held the lease is then gone for certain. */
  readonly alone: boolean;
  readonly onProblem: (error: unknown) => void;
}

/** So many times within a lease it is renewed, and looked at. */
const BEATS = 5;

/** Of the lease: who could not renew for so long stops, well before another may begin. */
const HOLDS_FOR = 0.6;

/** A lease that is held, until `signal` aborts with `LeaseLost`. */
export interface HeldLease {
  readonly epoch: number;
  readonly signal: AbortSignal;
  /** To be asked before every send: a process that was stopped for a while has not noticed anything yet. */
  holds(): boolean;
  /** Gives the lease up, so that the next need not wait. Idempotent, never rejects. */
  release(): Promise<void>;
}

/**
 * Waits until nobody publishes and takes the lease. A holder counts as gone when its row has not changed for as long as
 * a lease lasts, measured by this process's own clock, so that no two clocks are ever compared.
 */
export async function takeLease(options: LeaseOptions, signal: AbortSignal): Promise<HeldLease> {
  const { database, clock, leaseMs, alone } = options;
  let seen: LeaseRow | undefined;
  let unchangedSinceMs = 0;
  for (;;) {
    signal.throwIfAborted();
    const row = attempt(options, () => database.lease());
    if (row !== undefined) {
      if (row.epoch !== seen?.epoch || row.beat !== seen.beat) unchangedSinceMs = clock.monotonic();
      seen = row;
      const isFree = row.holder === null || alone || clock.monotonic() - unchangedSinceMs >= leaseMs;
      const held = isFree ? take(options, row) : undefined;
      if (held) return held;
    }
    await pause(leaseMs / BEATS, undefined, { signal });
  }
}

function take(options: LeaseOptions, seen: LeaseRow): HeldLease | undefined {
  const { database, holder, clock } = options;
  const beganMs = clock.monotonic();
  const epoch = attempt(options, () => database.takeLease(holder, seen, clock.now()));
  return epoch === undefined ? undefined : new Held(options, epoch, beganMs);
}

class Held implements HeldLease {
  readonly #lost = new AbortController();
  readonly #released = new AbortController();
  readonly #renewing: Promise<void>;

  constructor(
    private readonly options: LeaseOptions,
    readonly epoch: number,
    private renewedMs: number,
  ) {
    this.#renewing = this.#renew();
  }

  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  holds(): boolean {
    const { clock, leaseMs } = this.options;
    return !this.#lost.signal.aborted && clock.monotonic() - this.renewedMs < leaseMs * HOLDS_FOR;
  }

  async release(): Promise<void> {
    this.#released.abort();
    await this.#renewing;
    const { database } = this.options;
    attempt(this.options, () => database.releaseLease(this.epoch));
  }

  async #renew(): Promise<void> {
    const { clock, database, leaseMs } = this.options;
    const { signal } = this.#released;
    for (;;) {
      await pause(leaseMs / BEATS, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      const beganMs = clock.monotonic();
      const renewed = this.holds() ? attempt(this.options, () => database.renewLease(this.epoch)) : false;
      if (renewed === true) this.renewedMs = beganMs;
      if (renewed === false || !this.holds()) return this.#lost.abort(new LeaseLost('the lease is over'));
    }
  }
}

/** Undefined where the database cannot be used now: the lease then runs out, or is not taken yet. */
function attempt<T>({ onProblem }: LeaseOptions, work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    onProblem(error);
    return undefined;
  }
}
