import { setTimeout as pause } from 'node:timers/promises';

/** Does the work again and again with a pause in between, until the signal aborts; a failure is told and tried anew. */
export async function every(
  pauseMs: number,
  signal: AbortSignal,
  work: () => Promise<void>,
  onError: (error: unknown) => void,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await work();
    } catch (error) {
      if (!signal.aborted) onError(error);
    }
    await pause(pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
  }
}
