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

/** From an empty view on, as many events as there are first words of people: each makes a row. */
async function projectOnce(bench: Bench, { store, postgres }: PostgresRig): Promise<FilledSample> {
  const view = await openPostgresView(postgres, { ledgerId: store.ledgerId, head: () => store.head() });
  await view.makeAnew();
  const [until] = (await store.readAll({ limit: bench.amount(EVENTS) })).events.slice(-1);
  if (until === undefined) throw new Error('the ledger is empty');
  const { signal } = new AbortController();
  const began = performance.now();
  const onUnreadable = () => {
    throw new Error('an event cannot be read');
  };
  await catchUp(view, store, { until: until.position, batchSize: BATCH_SIZE, onUnreadable, signal });
  return { perSecond: (bench.amount(EVENTS) * 1_000) / (performance.now() - began) };
}
