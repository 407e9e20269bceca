/** How many cases a property is tried on: a few in every test run, many under `FAULTS=full`. */
export function runs(usual: number): { readonly seed: number; readonly numRuns: number } {
  const times = process.env.FAULTS === 'full' ? 20 : 1;
  return { seed: SEED, numRuns: usual * times };
}

/** `SEED` repeats a run; otherwise the day's number, so that every day tries others and one day's failures come back. */
const SEED = Number(process.env.SEED ?? Math.floor(Date.now() / 86_400_000));

process.stdout.write(`property tests: SEED=${SEED}\n`);
