import { createRequire } from 'node:module';

interface RequestQueue {
  readonly pending: readonly unknown[];
  readonly throttledUntil: number;
  scheduleCheckPendingRequests: (this: RequestQueue) => void;
}

const patched = new WeakSet<object>();

/**
 * kafkajs 2.2.4 looks every millisecond whether an idle connection has requests that wait, at 2-3 % of a core. Whatever
 * makes a request wait schedules the look itself, so where none waits there is nothing to look for. Patches the class
 * once for the whole process; the relay has the same few lines, since the guard is a package of its own.
 */
export function calmIdleConnections(): void {
  const { prototype } = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as {
    readonly prototype: RequestQueue;
  };
  if (patched.has(prototype)) return;
  patched.add(prototype);
  const look = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
    if (this.pending.length > 0 || this.throttledUntil > Date.now()) look.call(this);
  };
}
