import { setTimeout as pause } from 'node:timers/promises';
import { LedgerError } from './errors.js';

export interface RetryOptions {
  /** How often the same is asked at most. */
  readonly attempts: number;
  /** The longest pause before the second attempt; it doubles from one to the next. */
  readonly firstPauseMs: number;
  readonly longestPauseMs: number;
}

export const RETRIES: RetryOptions = { attempts: 5, firstPauseMs: 50, longestPauseMs: 2_000 };

/**
 * Asks until there is an answer that would not change, within the attempts and up to the deadline (epoch milliseconds).
 * Pauses are random, so that callers who were turned away together do not come back together, and never shorter than
 * the ledger asked for.
 */
export async function withRetries<T>(
  { attempts, firstPauseMs, longestPauseMs }: RetryOptions,
  deadlineMs: number,
  ask: () => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof LedgerError) || !error.isPassing || attempt >= attempts) throw error;
      const most = Math.min(longestPauseMs, firstPauseMs * 2 ** (attempt - 1));
      const pauseMs = (error.retryAfterMs ?? 0) + Math.random() * most;
      if (Date.now() + pauseMs >= deadlineMs) throw error;
      await pause(pauseMs);
    }
  }
}
