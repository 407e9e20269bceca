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
 * with `StoreUnavailable` in the words of the last failure.
 */
export async function persist<T>(
  work: (time: TimeLimit, attempt: number) => Promise<T>,
  { limitMs, random, ended }: Persistence,
): Promise<T> {
  const time = new TimeLimit(limitMs);
  let said = 'EventStoreDB does not answer';
  try {
    for (let attempt = 0; !time.isOver && !ended.aborted; attempt += 1) {
      try {
        return await Promise.race([work(time, attempt), time.over]);
      } catch (error) {
        if (error !== TIME_IS_OVER) said = passing(error).message;
      }
      await pauseBetween(attempt, random, AbortSignal.any([time.signal, ended]));
    }
    throw new StoreUnavailable(`${said} (tried for ${limitMs / 1_000} s)`);
  } finally {
    time.clear();
  }
}

/** Made once: the trace of an error is dear, and nobody reads this one. */
const TIME_IS_OVER = new CallFailure('busy');

/** How long something may be tried. The signal is made when it is asked for: it costs more than the rest of an append. */
export class TimeLimit {
  /** Rejects when the time is over. */
  readonly over: Promise<never>;
  private timer: NodeJS.Timeout | undefined;
  private controller: AbortController | undefined;
  private expired = false;

  constructor(limitMs: number) {
    this.over = new Promise((_, reject) => {
      this.timer = setTimeout(() => {
        this.expired = true;
        reject(TIME_IS_OVER);
        this.controller?.abort();
      }, limitMs);
    });
    // Between two attempts nobody listens.
    this.over.catch(() => undefined);
  }

  get isOver(): boolean {
    return this.expired;
  }

  get signal(): AbortSignal {
    this.controller ??= new AbortController();
    if (this.expired) this.controller.abort();
    return this.controller.signal;
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
