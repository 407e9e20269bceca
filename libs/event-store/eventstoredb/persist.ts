import { setTimeout as pause } from 'node:timers/promises';
import { StoreError, StoreUnavailable } from '../port.js';
import { CallFailure, failureOf } from './failure.js';

export interface Persistence {
  /** From the beginning of the first attempt to the end of the last, in milliseconds. */
  readonly limitMs: number;
  /** In [0, 1). */
  readonly random: () => number;
  /** Aborts when nothing is to be tried any more. */
  readonly ended: AbortSignal;
}

const FIRST_PAUSE_MS = 20;
const LONGEST_PAUSE_MS = 500;

/**
 * Does the work again while it fails for a reason that passes, until it succeeds or its time is over, and then rejects
 * with `StoreUnavailable` in the words of the last failure. The signal tells the work that its time is over.
 */
export async function persist<T>(
  work: (signal: AbortSignal, attempt: number) => Promise<T>,
  { limitMs, random, ended }: Persistence,
): Promise<T> {
  const over = new AbortController();
  const expired = new Expiry(limitMs, () => over.abort());
  let failure: CallFailure | undefined;
  try {
    for (let attempt = 0; !over.signal.aborted && !ended.aborted; attempt += 1) {
      try {
        return await Promise.race([work(over.signal, attempt), expired.promise]);
      } catch (error) {
        if (error !== expired.failure || !failure) failure = passing(error);
      }
      await pauseBetween(attempt, random, AbortSignal.any([over.signal, ended]));
    }
    throw new StoreUnavailable(`${failure?.message ?? expired.failure.message} (tried for ${limitMs / 1_000} s)`);
  } finally {
    expired.clear();
  }
}

class Expiry {
  readonly failure = new CallFailure('busy', 'EventStoreDB does not answer');
  readonly promise: Promise<never>;
  private timer: NodeJS.Timeout | undefined;

  constructor(limitMs: number, over: () => void) {
    this.promise = new Promise((_, reject) => {
      this.timer = setTimeout(() => {
        reject(this.failure);
        over();
      }, limitMs);
    });
    // Between two attempts nobody listens.
    this.promise.catch(() => undefined);
  }

  clear(): void {
    clearTimeout(this.timer);
  }
}

/** Throws what no repetition helps with. */
function passing(error: unknown): CallFailure {
  const failure = failureOf(error);
  if (failure instanceof StoreError) throw failure;
  if (!failure.passes) throw new StoreUnavailable(failure.message);
  return failure;
}

/** Growing, and different for everybody, so that those who were cut off together do not come back together. */
export async function pauseBetween(attempt: number, random: () => number, signal: AbortSignal): Promise<void> {
  const ceiling = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** attempt);
  await pause(ceiling / 2 + (random() * ceiling) / 2, undefined, { signal }).catch(() => undefined);
}
