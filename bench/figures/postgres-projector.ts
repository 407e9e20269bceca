import type { EventStore, Position } from '#event-store';
import { catchUp, openPostgresView, rebuildPostgresView } from '#view';
import { copyRows } from '../floors/postgres.js';
import type { Bench } from '../harness/bench.js';
import type { Figure } from '../harness/figure.js';
import { interleave, series, type Sample } from '../harness/rounds.js';
import { ratiosTo } from '../harness/statistics.js';
import { SESSIONS, type PostgresRig } from './postgres-rig.js';

/** As the projector of a service takes them. */
const BATCH_SIZE = 512;
const EVENTS = 200_000;
const GOAL_RATIO = 0.3;
const GOAL_PER_SECOND = 20_000;

type FilledSample = Sample & { readonly perSecond: number };

/** The view filled from the ledger, in both ways, beside its finished rows copied into a bare table. */
export async function measurePostgresProjector(bench: Bench, rig: PostgresRig): Promise<readonly Figure[]> {
  await rebuildOnce(bench, rig);
  const { rows } = await rig.current();
  const seconds = async (rowsOfIt: typeof rows) => ({
    perSecond: rowsOfIt.length / (await copyRows(rig.pool, rowsOfIt)),
  });
  const samples = await interleave<'copy' | 'projector' | 'rebuild', FilledSample>(
    { copy: () => seconds(rows), projector: () => projectOnce(bench, rig), rebuild: () => rebuildOnce(bench, rig) },
    bench.rounds('the view filled in PostgreSQL'),
  );
  const copies = series(samples.copy, 'perSecond');
  return (['projector', 'rebuild'] as const).map((way) => {
    const values = series(samples[way], 'perSecond');
    return {
      what: TITLES[way],
      unit: 'events a second',
      values,
      floor: { what: 'COPY of the finished rows, rows a second', values: copies },
      ratios: ratiosTo(copies, values, 'rate'),
      goal: way === 'projector' ? { of: 'value', atLeast: GOAL_PER_SECOND } : { of: 'ratio', atLeast: GOAL_RATIO },
      also: { sessions: SESSIONS },
    } satisfies Figure;
  });
}

const TITLES = {
  projector: `projector into PostgreSQL, ${BATCH_SIZE} events a commit`,
  rebuild: 'rebuild of the view in PostgreSQL, a million events',
};

async function rebuildOnce(bench: Bench, { store, postgres, events }: PostgresRig): Promise<FilledSample> {
  const began = performance.now();
  const rebuilt = await rebuildPostgresView({ store, postgres, workDir: bench.dir, onProgress: () => undefined });
  if (rebuilt.events < events) throw new Error(`a rebuild saw ${rebuilt.events} of ${events} events`);
  return { perSecond: (rebuilt.events * 1_000) / (performance.now() - began) };
}

/** From an empty view on, through the first words of people: each makes a row. */
async function projectOnce(bench: Bench, { store, postgres }: PostgresRig): Promise<FilledSample> {
  const view = await openPostgresView(postgres, { ledger: store });
  await view.makeAnew();
  const { until, events } = await firstOf(store, bench.amount(EVENTS));
  const { signal } = new AbortController();
  const onUnreadable = () => {
    throw new Error('an event cannot be read');
  };
  const began = performance.now();
  await catchUp(view, store, { until, batchSize: BATCH_SIZE, onUnreadable, signal });
  return { perSecond: (events * 1_000) / (performance.now() - began) };
}

async function firstOf(store: EventStore, wanted: number): Promise<{ until: Position; events: number }> {
  let page = await store.readAll({ limit: BATCH_SIZE });
  let events = page.events.length;
  while (events < wanted && !page.atEnd) {
    page = await store.readAll({ from: page.position, limit: BATCH_SIZE });
    events += page.events.length;
  }
  return { until: page.position, events };
}
