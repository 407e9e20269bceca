import type { Bench } from '../harness/bench.js';
import type { Figure } from '../harness/figure.js';
import { requestOf, type Load } from '../harness/load.js';
import type { RawResponse } from '../harness/response.js';
import { interleave, series } from '../harness/rounds.js';
import { median } from '../harness/statistics.js';
import { BUSINESS, TOPIC, isEligible, phoneOf, shuffled, storyOf } from '../seed/people.js';
import { underLoad, type HttpSample, type Rig } from './rig.js';

const BATCH = 1_000;
const BATCHES = 200;
const CONNECTIONS = 2;
const WHAT = 'batch of 1,000 by phone';
const GOAL_PER_CPU_SECOND = 150_000;

/** How many decisions a second of CPU yields, of all that the server does for them. */
export async function measureBatch(bench: Bench, rig: Rig): Promise<readonly Figure[]> {
  const load = batchesOf(rig, bench.amount(BATCHES));
  const { service, cold } = await interleave(
    { service: () => underLoad(rig, load), cold: () => underLoad(rig.cold, load) },
    bench.rounds(WHAT, { warmUps: 1 }),
  );
  const asked = figureOf(WHAT, service);
  return [
    { ...asked, goal: { of: 'value', atLeast: GOAL_PER_CPU_SECOND } },
    figureOf('the same batch, no row in memory', cold),
  ];
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

function batchesOf(rig: Rig, requests: number): Omit<Load, 'port'> {
  const path = `/v1/businesses/${BUSINESS}/eligibility/batch`;
  const different = Math.max(1, Math.floor(rig.people / BATCH));
  const prepared = Array.from({ length: different }, (_, n) => {
    const checks = peopleIn(rig, n).map((person) => ({ recipient: { phone: phoneOf(person) } }));
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

function peopleIn(rig: Rig, batch: number): readonly number[] {
  return Array.from({ length: BATCH }, (_, n) => shuffled(batch * BATCH + n, rig.people));
}

interface BatchAnswer {
  readonly results: readonly { readonly eligible?: boolean; readonly recipientId?: string }[];
}

function acceptBatch(rig: Rig, people: readonly number[], { status, body }: RawResponse): void {
  const { results } = JSON.parse(body.toString()) as BatchAnswer;
  const right =
    status === 200 &&
    people.every((person, index) => {
      const { eligible, recipientId } = results[index] ?? {};
      return eligible === isEligible(storyOf(person)) && recipientId === rig.recipientIds[person];
    });
  if (!right) throw new Error(`a batch was answered wrongly (${status}): ${body.toString('latin1', 0, 1_000)}`);
}
