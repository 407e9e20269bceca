import { createRequire } from 'node:module';

/** The parts of kafkajs's request queue that the patch stands on. */
interface RequestQueue {
  readonly pending: readonly unknown[];
  readonly throttledUntil: number;
  scheduleCheckPendingRequests: (this: RequestQueue) => void;
}

const QUEUE = 'kafkajs/src/network/requestQueue';
const patched = new WeakSet<object>();

/**
 * kafkajs 2.2.4 looks every millisecond whether an idle connection has requests that wait: about 900 timers a second on
 * a connection, 2-3 % of a core. Whatever makes a request wait schedules the look itself, so where none waits and the
 * broker has not asked to slow down there is nothing to look for. Patches the class once, for the whole process.
 */
export function calmIdleConnections(): void {
  const { prototype } = createRequire(import.meta.url)(QUEUE) as { readonly prototype: RequestQueue };
  if (patched.has(prototype)) return;
  patched.add(prototype);
  const schedule = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
    if (this.pending.length > 0 || this.throttledUntil > Date.now()) schedule.call(this);
  };
}
