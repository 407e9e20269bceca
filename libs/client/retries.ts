import { setTimeout as pause } from 'node:timers/promises';
import { LedgerError } from './errors.js';

export interface RetryOptions {
  /** How often the same is asked at most. */
  readonly attempts: number;
  /** The longest pause before the second attempt; it doubles from one to the next. */
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
}

/** Some seconds in all, within the time that a call has: so long a process takes to be exchanged for another. */
export const RETRIES: RetryOptions = { attempts: 10, firstPauseMs: 50, longestPauseMs: 2_000 };

/** Asks until there is an answer that would not change, within the attempts and up to `endMs` by `performance.now()`. */
export async function withRetries<T>(options: RetryOptions, endMs: number, ask: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ask();
    } catch (error) {
      const pauseMs = pauseAfter(error, attempt, options);
      if (performance.now() + pauseMs >= endMs) throw error;
      await pause(pauseMs);
    }
  }
}

/**
 * How long to pause after so many failures in a row, in milliseconds; throws the error where asking again is of no use, or
 * was tried often enough. Random, so that callers who were turned away together do not come back together, and never
 * shorter than the ledger asked for.
 */
export function pauseAfter(error: unknown, failures: number, options: RetryOptions): number {
  const { attempts, firstPauseMs, longestPauseMs } = options;
  if (!(error instanceof LedgerError) || !error.isPassing || failures >= attempts) throw error;
  const most = Math.min(longestPauseMs, firstPauseMs * 2 ** (failures - 1));
  return (error.retryAfterMs ?? 0) + Math.random() * most;
}
