/** One measurement: several numbers of one run, their units in their names. */
export type Sample = Readonly<Record<string, number>>;

export interface RoundsOptions {
  readonly rounds: number;
  /** Rounds that are run first and not counted. */
  readonly warmUps?: number;
  readonly onRun?: (name: string, round: number) => void;
}

/**
 * Runs the contenders in turn, A B C A B C …, so that whatever else the machine does falls on all of them alike.
 * Answers each contender's samples, round by round.
 */
export async function interleave<K extends string, S extends Sample>(
  contenders: Readonly<Record<K, (round: number) => Promise<S>>>,
  { rounds, warmUps = 0, onRun = () => undefined }: RoundsOptions,
): Promise<Readonly<Record<K, readonly S[]>>> {
  const names = Object.keys(contenders) as K[];
  const samples = Object.fromEntries(names.map((name) => [name, [] as S[]])) as Record<K, S[]>;
  for (let round = -warmUps; round < rounds; round++) {
    for (const name of names) {
      onRun(name, round + 1);
      const sample = await contenders[name](round);
      if (round >= 0) samples[name].push(sample);
    }
  }
  return samples;
}

/** One number of every sample. */
export function series<S extends Sample>(samples: readonly S[], name: keyof S): readonly number[] {
  return samples.map((sample) => sample[name] as number);
}
