/** What is asked for, or undefined where the signal aborts first: who stops does not wait for a ledger that is silent. */
export async function unlessAborted<T>(signal: AbortSignal, asking: Promise<T>): Promise<T | undefined> {
  let stop = (): void => undefined;
  const stopped = new Promise<undefined>((resolve) => (stop = () => resolve(undefined)));
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([asking, stopped]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
