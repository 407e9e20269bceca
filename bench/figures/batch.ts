import type { Bench } from '../harness/bench.js';
import type { Figure } from '../harness/figure.js';
import { requestOf, type Load } from '../harness/load.js';
import type { RawResponse } from '../harness/response.js';
import { interleave, series } from '../harness/rounds.js';
import { median } from '../harness/statistics.js';
import { BUSINESS, TOPIC, isEligible, phoneOf, shuffled, storyOf } from '../seed/people.js';
import type { CheckKind } from './check.js';
import { underLoad, type Askable, type HttpSample, type Rig } from './rig.js';

const BATCH = 1_000;
const BATCHES = 200;
const CONNECTIONS = 2;
const WHAT = 'batch of 1,000 by phone';
const GOALS = { id: 250_000, phone: 150_000 } as const;

/** How many decisions a second of CPU yields, of all that the server does for them. */
export async function measureBatch(bench: Bench, rig: Rig): Promise<readonly Figure[]> {
  const load = batchesOf(rig, 'phone', bench.amount(BATCHES));
  const { service, cold } = await interleave(
    { service: () => underLoad(rig, load), cold: () => underLoad(rig.cold, load) },
    bench.rounds(WHAT, { warmUps: 1 }),
  );
  const asked = figureOf(WHAT, service);
  return [
    { ...asked, goal: { of: 'value', atLeast: GOALS.phone } },
    figureOf('the same batch, no row in memory', cold),
  ];
}

/** Both kinds, of a service that has everybody in its cache. */
export async function measureBatches(bench: Bench, service: Askable): Promise<readonly Figure[]> {
  const requests = bench.amount(BATCHES);
  const loads = { id: batchesOf(service, 'id', requests), phone: batchesOf(service, 'phone', requests) };
  const what = (kind: CheckKind) => `batch of 1,000 by ${kind}, all in the cache`;
  const samples = await interleave(
    { id: () => underLoad(service, loads.id), phone: () => underLoad(service, loads.phone) },
    bench.rounds('batches of 1,000', { warmUps: 1 }),
  );
  return (['id', 'phone'] as const).map((kind) => ({
    ...figureOf(what(kind), samples[kind]),
    goal: { of: 'value', atLeast: GOALS[kind] },
  }));
}

function figureOf(what: string, samples: readonly HttpSample[]): Figure {
  return {
    what,
    unit: 'decisions a CPU second',
    values: series(samples, 'cpuUs').map((cpuUs) => (BATCH * 1_000_000) / cpuUs),
    also: {
      'decisions a second': median(series(samples, 'perSecond')) * BATCH,
      'p99 of a batch in ms': median(series(samples, 'p99Ms')),
    },
  };
}

/** Batches about different people each; so many that few are asked about twice in a round. */
function batchesOf(rig: Askable, kind: CheckKind, requests: number): Omit<Load, 'port'> {
  const path = `/v1/businesses/${BUSINESS}/eligibility/batch`;
  const different = Math.max(1, Math.min(requests, Math.floor(rig.people / BATCH)));
  const prepared = Array.from({ length: different }, (_, n) => {
    const checks = peopleIn(rig, n).map((person) => ({ recipient: recipientOf(rig, kind, person) }));
    return Buffer.from(requestOf({ method: 'POST', path, key: rig.key, body: JSON.stringify({ ...TOPIC, checks }) }));
  });
  return {
    connections: CONNECTIONS,
    awake: true,
    requests,
    request: (n) => prepared[n % different] as Buffer,
    accept: (n, response) => acceptBatch(rig, peopleIn(rig, n % different), response),
  };
}

function recipientOf({ recipientIds }: Askable, kind: CheckKind, person: number) {
  return kind === 'id' ? { recipientId: recipientIds[person] } : { phone: phoneOf(person) };
}

function peopleIn(rig: Askable, batch: number): readonly number[] {
  return Array.from({ length: BATCH }, (_, n) => shuffled(batch * BATCH + n, rig.people));
}

interface BatchAnswer {
  readonly results: readonly { readonly eligible?: boolean; readonly recipientId?: string }[];
}

function acceptBatch(rig: Askable, people: readonly number[], { status, body }: RawResponse): void {
  const { results } = JSON.parse(body.toString()) as BatchAnswer;
  const right =
    status === 200 &&
    people.every((person, index) => {
      const { eligible, recipientId } = results[index] ?? {};
      return eligible === isEligible(storyOf(person)) && recipientId === rig.recipientIds[person];
    });
  if (!right) throw new Error(`a batch was answered wrongly (${status}): ${body.toString('latin1', 0, 1_000)}`);
}
