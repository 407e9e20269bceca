import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hasReached, type EventStore, type Position } from '#event-store';
import { migrate, type Postgres } from '#postgres';
import { catchUp } from '../catch-up.js';
import { fillView, PAGE_SIZE, type FillOptions } from '../fill.js';
import type { Rebuilt } from '../rebuild.js';
import { Generation } from './generation.js';
import { Generations } from './generations.js';
import { PostgresSink } from './postgres-sink.js';
import { VIEW_MIGRATIONS } from './schema.js';

/** What is appended while a pass takes so long takes the next one a small part of it. */
const SHORT_PASS_MS = 1_000;
const MOST_PASSES = 20;

export interface RebuildPostgresOptions extends FillOptions {
  /** With three sessions at least. */
  readonly postgres: Postgres;
  /** Where the events are sorted, with room for all of them once more; absent: the directory for temporary files. */
  readonly workDir?: string;
}

/**
 * Makes the view in a database anew from the ledger, in tables of its own, and puts it in place when it has caught up.
 * The replicas go on answering from the old one, and read the new one from then on. Where it fails, nothing has changed.
 */
export async function rebuildPostgresView(options: RebuildPostgresOptions): Promise<Rebuilt> {
  const { postgres, store } = options;
  await migrate(postgres, VIEW_MIGRATIONS);
  const generations = new Generations(postgres, store.ledgerId);
  await generations.sweep();
  const { generation: number, lock } = await generations.beginFilling();
  try {
    const filled = new Generation(postgres, number, 'filling');
    const made = await fill(filled, options);
    const position = await putInPlace(generations, filled, options);
    return { ...made, position };
  } finally {
    lock.release();
    await generations.sweep();
  }
}

async function fill(generation: Generation, options: RebuildPostgresOptions) {
  const directory = mkdtempSync(join(options.workDir ?? tmpdir(), 'view-rebuild-'));
  try {
    return await fillView(new PostgresSink(options.postgres, generation), join(directory, 'parts'), options);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function putInPlace(
  generations: Generations,
  filled: Generation,
  { postgres, store }: RebuildPostgresOptions,
): Promise<Position> {
  await comeClose(filled, store);
  await generations.exchange(filled.number, async (inUse) => {
    const [position, head] = [await new Generation(postgres, inUse).position(), await store.head()];
    // One that claims to know more than the ledger holds is of a ledger that was lost: nothing catches up with it.
    if (position !== undefined && hasReached(head, position)) await bringTo(position, filled, store);
  });
  return (await new Generation(postgres, filled.number).position()) as Position;
}

/**
 * Up to the ledger's end, and again up to where that is by then: little is left for the time in which nobody can move the
 * old one on. One that cannot keep up with the ledger is not waited for without end.
 */
async function comeClose(filled: Generation, store: EventStore): Promise<void> {
  for (let pass = 1; pass <= MOST_PASSES; pass += 1) {
    const sinceMs = performance.now();
    await bringTo(await store.head(), filled, store);
    if (performance.now() - sinceMs < SHORT_PASS_MS) return;
  }
}

async function bringTo(until: Position, filled: Generation, store: EventStore): Promise<void> {
  const { signal } = new AbortController();
  await catchUp(filled, store, { until, batchSize: PAGE_SIZE, onUnreadable: () => undefined, signal });
}
