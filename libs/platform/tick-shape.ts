import { AsyncResource } from 'node:async_hooks';

let kept: object | undefined;

/**
 * Keeps `process.nextTick` fast for good. Each tick is an object with computed keys, and V8 learns the shape of such a
 * literal once: when the collector has found nothing of that shape alive, the shape is gone, and from then on every tick
 * goes through the runtime, at five times the cost. A request has five ticks. So one object of that shape is held, and
 * returned. Where Node comes to make ticks otherwise it does nothing useful and no harm.
 */
export function keepTickShape(): object | undefined {
  const [asyncId, triggerAsyncId] = Object.getOwnPropertySymbols(new AsyncResource('ConsentLedgerTickShape'));
  if (asyncId === undefined || triggerAsyncId === undefined) return undefined;
  // Fractions, since V8 keeps the ids of ticks as floating-point numbers, and a small integer would be another shape.
  kept ??= { [asyncId]: 0.5, [triggerAsyncId]: 0.5, callback: keepTickShape, args: undefined };
  return kept;
}
