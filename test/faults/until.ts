const LOOK_MS = 20;
const PATIENCE_MS = 45_000;

/** Looks again and again until `look` answers something, and fails with `what` where it never does. */
export async function until<T>(
  what: string,
  look: () => Promise<T | undefined> | T | undefined,
  patienceMs = PATIENCE_MS,
): Promise<T> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const seen = await look();
    if (seen !== undefined) return seen;
    if (performance.now() > deadline) throw new Error(`it never came to pass that ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
