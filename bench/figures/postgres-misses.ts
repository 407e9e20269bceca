import { openPostgresView, rebuildPostgresView, type PostgresView } from '#view';
import { selectEach } from '../floors/postgres.js';
import type { Bench } from '../harness/bench.js';
import type { Figure } from '../harness/figure.js';
import { interleave, series, type Sample } from '../harness/rounds.js';
import { median, ratiosTo } from '../harness/statistics.js';
import { anybody } from '../seed/people.js';
import { SESSIONS, type PostgresRig } from './postgres-rig.js';

/** Questions under way at once: each of one person, and none of them twice. */
const ASKERS = 16;
const QUESTIONS = 50_000;
const GOAL_RATIO = 0.7;

type MissSample = Sample & { readonly perSecond: number; readonly cpuUs: number };

/** Rows that are in no cache, looked up in the view and decoded, beside bare prepared statements by key. */
export async function measurePostgresMisses(bench: Bench, rig: PostgresRig): Promise<readonly Figure[]> {
  const { store, postgres, pool } = rig;
  await rebuildPostgresView({ store, postgres, workDir: bench.dir, onProgress: () => undefined });
  const view = await openPostgresView(postgres, { ledger: store });
  const { table, rows } = await rig.current();
  const asked = (round: number) =>
    Array.from({ length: bench.amount(QUESTIONS) }, (_, n) => rows[anybody(n + round, rows.length)]?.[0] as string);
  const { floor, view: ours } = await interleave<'floor' | 'view', MissSample>(
    {
      floor: (round) =>
        measured(asked(round), (recipientIds) => selectEach({ pool, table, recipientIds, askers: ASKERS })),
      view: (round) => measured(asked(round), (recipientIds) => readEach(view, recipientIds)),
    },
    bench.rounds('misses of the cache', { warmUps: 1 }),
  );
  const [values, floors] = [series(ours, 'perSecond'), series(floor, 'perSecond')];
  return [
    {
      what: `row of the view from PostgreSQL, ${ASKERS} at once`,
      unit: 'a second',
      values,
      floor: { what: `bare \`pg\` prepared select, ${SESSIONS} sessions`, values: floors },
      ratios: ratiosTo(floors, values, 'rate'),
      goal: { of: 'ratio', atLeast: GOAL_RATIO },
      also: {
        'CPU in µs, this process': median(series(ours, 'cpuUs')),
        'CPU in µs of the bare select': median(series(floor, 'cpuUs')),
      },
    },
  ];
}

async function measured(
  recipientIds: readonly string[],
  ask: (recipientIds: readonly string[]) => Promise<number>,
): Promise<MissSample> {
  const before = process.cpuUsage();
  const seconds = await ask(recipientIds);
  const { user, system } = process.cpuUsage(before);
  return { perSecond: recipientIds.length / seconds, cpuUs: (user + system) / recipientIds.length };
}

async function readEach(view: PostgresView, recipientIds: readonly string[]): Promise<number> {
  let next = 0;
  const asker = async () => {
    for (let at = next++; at < recipientIds.length; at = next++) {
      const { rows } = await view.read([recipientIds[at] as string]);
      if (rows[0] === undefined) throw new Error('a recipient has no row');
    }
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: ASKERS }, asker));
  return (performance.now() - began) / 1_000;
}
