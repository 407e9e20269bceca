/**
 * What is asked for, or a rejection with the signal's reason as soon as that aborts: who stops does not wait for a ledger
 * that is silent, or a broker. Their answer is then nobody's.
 */
export async function orAborted<T>(asking: Promise<T>, signal: AbortSignal): Promise<T> {
  let stop = (): void => undefined;
  const stopped = new Promise<never>((_, reject) => (stop = () => reject(signal.reason as Error)));
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    return await Promise.race([asking, stopped]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
