import { parseArgs } from 'node:util';

/**
 * `esdb-…`: through EventStoreDB's protocol. `kafka-…`: the relay, `guard`: a sender's guard, over a Kafka broker.
 * `million`: so many recipients. `pg-…`: the view in PostgreSQL. `replica`: how old another replica's answers are.
 */
export const FIGURES = [
  'check',
  'phone',
  'batch',
  'filter',
  'feed',
  'grpc',
  'append',
  'revoke',
  'rebuild',
  'esdb-append',
  'esdb-read',
  'esdb-live',
  'esdb-revoke',
  'esdb-copy',
  'kafka-latency',
  'kafka-drain',
  'guard',
  'million',
  'pg-misses',
  'pg-projector',
  'replica',
] as const;
export type FigureName = (typeof FIGURES)[number];

export interface BenchOptions {
  /** Fewer rounds of less work: shows that everything runs, and proves nothing. */
  readonly quick: boolean;
  readonly rounds: number;
  /** In the order in which they run. */
  readonly only: readonly FigureName[];
  /** The server under test writes a `.cpuprofile` into this directory when it stops. */
  readonly profileDir?: string;
}

export const USAGE = `npm run bench -- [--quick] [--only ${FIGURES.join(',')}] [--rounds N] [--profile DIR]

A full run writes bench/results/ and the table of docs/performance.md; any other run only prints.`;

const FULL_ROUNDS = 5;
const QUICK_ROUNDS = 2;
const MAX_ROUNDS = 100;

/** A full run is one whose result may be kept: every figure, all of the work, at least the rounds that are asked for. */
export function isFull({ quick, only, rounds, profileDir }: BenchOptions): boolean {
  return !quick && only.length === FIGURES.length && rounds >= FULL_ROUNDS && profileDir === undefined;
}

/** Throws an error whose message says what to write instead. */
export function readOptions(args: readonly string[]): BenchOptions {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      rounds: { type: 'string' },
      profile: { type: 'string' },
    },
  });
  const { quick, only, rounds, profile } = values;
  return {
    quick,
    rounds: rounds === undefined ? (quick ? QUICK_ROUNDS : FULL_ROUNDS) : readRounds(rounds),
    only: only === undefined ? FIGURES : readFigures(only),
    ...(profile === undefined ? {} : { profileDir: profile }),
  };
}

function readRounds(text: string): number {
  const rounds = Number(text);
  if (Number.isInteger(rounds) && rounds >= 1 && rounds <= MAX_ROUNDS) return rounds;
  throw new Error(`--rounds takes a whole number from 1 to ${MAX_ROUNDS}`);
}

function readFigures(text: string): readonly FigureName[] {
  const names = text.split(',').map((name) => name.trim());
  const known: readonly string[] = FIGURES;
  const unknown = names.filter((name) => !known.includes(name));
  if (unknown.length > 0) throw new Error(`--only takes ${FIGURES.join(', ')}; unknown: ${unknown.join(', ')}`);
  return FIGURES.filter((figure) => names.includes(figure));
}
