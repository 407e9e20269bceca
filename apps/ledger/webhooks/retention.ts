import { DAY_MS, HOUR_MS, instantOf } from '#consent';
import type { Parts } from '../parts.js';

/** Drops what has stayed unrouted too long, with a count, at the start and every hour. Returns what stops it. */
export function dropOldUnrouted(parts: Parts): () => void {
  const drop = () => void dropOnce(parts);
  drop();
  const timer = setInterval(drop, HOUR_MS);
  timer.unref();
  return () => clearInterval(timer);
}

async function dropOnce({ vault, clock, config, metrics, log }: Parts): Promise<void> {
  const before = instantOf(clock.now() - config.limits.unroutedRetentionDays * DAY_MS);
  try {
    const dropped = await vault.dropUnroutedBefore(before);
    if (dropped === 0) return;
    metrics.unroutedDropped(dropped);
    log.warn({ count: dropped }, 'parts of deliveries stayed unrouted too long and were dropped');
  } catch (error) {
    log.error({ err: error }, 'old unrouted parts could not be dropped');
  }
}
