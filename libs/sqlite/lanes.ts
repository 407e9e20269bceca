import type { Batch } from './batch.js';

/** A revocation goes first and is never turned away for the length of a queue. */
export type Lane = 'revocation' | 'normal';

export interface LaneLimits {
  /** Jobs in one batch. */
  readonly batchJobs: number;
  /** Bytes in one batch; a single job may be larger and then goes alone. */
  readonly batchBytes: number;
  /** Jobs that may wait in the normal lane; the revocation lane has no limit. */
  readonly queuedJobs: number;
  /** What a caller who is turned away is told to wait, in milliseconds. */
  readonly retryAfterMs: number;
}

const DEFAULT_LANE_LIMITS: LaneLimits = {
  batchJobs: 512,
  batchBytes: 4 * 1024 * 1024,
  queuedJobs: 10_000,
  retryAfterMs: 1_000,
};

/** The normal lane is full; nothing was written. */
export class WriterOverloaded extends Error {
  readonly code = 'OVERLOADED';
  constructor(readonly retryAfterMs: number) {
    super('the queue of the writer is full');
  }
}

export interface Waiting<Job, Result> {
  readonly job: Job;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
}

/** What waits to be written, in two lanes. */
export class Lanes<Job, Result> {
  private readonly limits: LaneLimits;
  private readonly revocation: Waiting<Job, Result>[] = [];
  private readonly normal: Waiting<Job, Result>[] = [];

  constructor(
    limits: Partial<LaneLimits>,
    private readonly sizeOf: (job: Job) => number,
  ) {
    this.limits = { ...DEFAULT_LANE_LIMITS, ...limits };
  }

  enter(job: Job, lane: Lane): Promise<Result> {
    if (lane === 'normal' && this.normal.length >= this.limits.queuedJobs) {
      return Promise.reject(new WriterOverloaded(this.limits.retryAfterMs));
    }
    return new Promise((resolve, reject) => this[lane].push({ job, resolve, reject }));
  }

  lengths(): Readonly<Record<Lane, number>> {
    return { revocation: this.revocation.length, normal: this.normal.length };
  }

  isEmpty(): boolean {
    return this.revocation.length + this.normal.length === 0;
  }

  takeBatch(): Batch<Waiting<Job, Result>> {
    const budget = { jobs: this.limits.batchJobs, bytes: this.limits.batchBytes };
    return { revocation: this.takeFrom(this.revocation, budget), normal: this.takeFrom(this.normal, budget) };
  }

  takeAll(): Waiting<Job, Result>[] {
    return [...this.revocation.splice(0), ...this.normal.splice(0)];
  }

  /** The first job of a batch is taken whatever its size, or it would wait for ever. */
  private takeFrom(queue: Waiting<Job, Result>[], budget: { jobs: number; bytes: number }) {
    let count = 0;
    for (const { job } of queue) {
      const size = this.sizeOf(job);
      const first = budget.jobs === this.limits.batchJobs;
      if (budget.jobs === 0 || (size > budget.bytes && !first)) break;
      budget.jobs -= 1;
      budget.bytes -= size;
      count += 1;
    }
    return queue.splice(0, count);
  }
}
