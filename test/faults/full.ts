/** `FAULTS=full` runs each fault at its full length and prints what it measured; otherwise a short form runs. */
export const FULL = process.env.FAULTS === 'full';

export function figure(text: string): void {
  if (FULL) console.log(text);
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** Whole numbers from a seed (mulberry32), so that a failed run can be repeated with `SEED`. */
export class Chance {
  private state: number;

  constructor(readonly seed: number) {
    this.state = seed;
  }

  /** From `from` up to and without `to`. */
  between(from: number, to: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    const share = ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
    return from + Math.floor(share * (to - from));
  }

  oneOf<T>(items: readonly T[]): T {
    const item = items[this.between(0, items.length)];
    if (item === undefined) throw new RangeError('there is nothing to choose from');
    return item;
  }
}

/** Prints its seed, also in the short form: what fails once must be found again. */
export function chance(what: string): Chance {
  const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31);
  process.stdout.write(`${what}: SEED=${seed}\n`);
  return new Chance(seed);
}

/** Says on stderr where a run at full length stands; a short one is over before anybody asks. */
export function tellStanding(text: string): void {
  if (FULL) process.stderr.write(`${text}\n`);
}
