import { join } from 'node:path';
import type { Bench } from '../harness/bench.js';
import { FIVE_EVENTS } from '../seed/people.js';
import { seed } from '../seed/seed.js';
import { found } from '../seed/service.js';

/** A directory with a ledger of a million events and its vault, which nobody has open. */
export interface LargeLedger {
  readonly dataDir: string;
  readonly people: number;
  readonly events: number;
}

const PEOPLE = 200_000;

/** Founds and fills it, once for all figures that read it from end to end. */
export async function openLargeLedger(bench: Bench): Promise<LargeLedger> {
  const dataDir = join(bench.dir, 'large');
  const people = bench.amount(PEOPLE);
  await found(dataDir);
  const { events } = await seed({ dataDir, people, storyOf: () => FIVE_EVENTS }, bench.progress);
  return { dataDir, people, events };
}
