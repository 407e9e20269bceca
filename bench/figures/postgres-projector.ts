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

type FilledSample = Sample & {
  readonly perSecond: number;
  /** Rows that were there in the end, by the time that it took: what a copy of them can be held against. */
  readonly rowsPerSecond: number;
  readonly copiedPerSecond: number;
};

/** The view filled from the ledger, in both ways, each beside the rows that it made, copied into a bare table. */
export async function measurePostgresProjector(bench: Bench, rig: PostgresRig): Promise<readonly Figure[]> {
  const { projector, rebuild } = await interleave<'projector' | 'rebuild', FilledSample>(
    { projector: () => projectOnce(bench, rig), rebuild: () => rebuildOnce(bench, rig) },
    bench.rounds('the view filled in PostgreSQL'),
  );
  return [
    eventsOf(`projector into PostgreSQL, ${BATCH_SIZE} events a commit`, projector, {
      goal: { of: 'value', atLeast: GOAL_PER_SECOND },
    }),
    rowsOf('the same, rows', projector, { goal: { of: 'ratio', atLeast: GOAL_RATIO } }),
    eventsOf('rebuild of the view in PostgreSQL, a million events', rebuild),
    rowsOf('the same, rows', rebuild),
  ];
}

type Asked = Pick<Figure, 'goal'>;

function eventsOf(what: string, samples: readonly FilledSample[], asked: Asked = {}): Figure {
  const values = series(samples, 'perSecond');
  return { what, unit: 'events a second', values, ...asked, also: { sessions: SESSIONS } };
}

/** Rows beside rows: several events of one person are one row, so that events beside rows would say too much. */
function rowsOf(what: string, samples: readonly FilledSample[], asked: Asked = {}): Figure {
  const [values, copies] = [series(samples, 'rowsPerSecond'), series(samples, 'copiedPerSecond')];
  const floor = { what: 'COPY of the same rows', values: copies };
  return { what, unit: 'rows a second', values, floor, ratios: ratiosTo(copies, values, 'rate'), ...asked, also: {} };
}

async function sampleOf(rig: PostgresRig, events: number, seconds: number): Promise<FilledSample> {
  const { rows } = await rig.current();
  const copiedPerSecond = rows.length / (await copyRows(rig.pool, rows));
  return { perSecond: events / seconds, rowsPerSecond: rows.length / seconds, copiedPerSecond };
}

async function rebuildOnce(bench: Bench, rig: PostgresRig): Promise<FilledSample> {
  const { store, postgres, events } = rig;
  const began = performance.now();
  const rebuilt = await rebuildPostgresView({ store, postgres, workDir: bench.dir, onProgress: () => undefined });
  const seconds = (performance.now() - began) / 1_000;
  if (rebuilt.events < events) throw new Error(`a rebuild saw ${rebuilt.events} of ${events} events`);
  return sampleOf(rig, rebuilt.events, seconds);
}

/** From an empty view on, through the first words of people: each makes a row. */
async function projectOnce(bench: Bench, rig: PostgresRig): Promise<FilledSample> {
  const { store, postgres } = rig;
  const view = await openPostgresView(postgres, { ledger: store });
  await view.makeAnew();
  const { until, events } = await firstOf(store, bench.amount(EVENTS));
  const { signal } = new AbortController();
  const onUnreadable = () => {
    throw new Error('an event cannot be read');
  };
  const began = performance.now();
  await catchUp(view, store, { until, batchSize: BATCH_SIZE, onUnreadable, signal });
  return sampleOf(rig, events, (performance.now() - began) / 1_000);
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
