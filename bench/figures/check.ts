import type { Bench } from '../harness/bench.js';
import type { Figure } from '../harness/figure.js';
import { requestOf, type Load } from '../harness/load.js';
import type { RawResponse } from '../harness/response.js';
import { interleave, series } from '../harness/rounds.js';
import { median, ratiosTo } from '../harness/statistics.js';
import { BUSINESS, TOPIC, anybody, isEligible, phoneOf, shuffled, storyOf } from '../seed/people.js';
import { startFloor, underLoad, type Askable, type HttpSample, type Rig } from './rig.js';

/** One question about one person: `GET` by the recipient's id, or `POST` by phone. */
export type CheckKind = 'id' | 'phone';

const CONNECTIONS = 16;
const REQUESTS = 50_000;
const WHAT = { id: 'check by id (`GET`), 16 connections', phone: 'check by phone (`POST`), 16 connections' } as const;
const GOALS = { id: 0.45, phone: 0.35 } as const;

/** The cost of one check beside that of a bare server which sends the same bytes. */
export async function measureCheck(bench: Bench, rig: Rig, kind: CheckKind): Promise<readonly Figure[]> {
  const requests = bench.amount(REQUESTS);
  const everybody = checksOf(rig, kind, rig.people, (n) => shuffled(n, rig.people));
  // Each round goes on where the last one ended: a round that asked about the same people again would flatter the cache.
  const ofRound = (round: number) => checksOf(rig, kind, requests, (n) => anybody(round * requests + n, rig.people));
  const floor = await startFloor(bench, rig, everybody);
  bench.progress.say(`${WHAT[kind]}: asking about everybody once`);
  await underLoad(rig, everybody);
  const bare = { ...ofRound(0), accept: acceptCanned };
  const { service, node, cold } = await interleave(
    {
      service: (round) => underLoad(rig, ofRound(round)),
      node: () => underLoad(floor, bare),
      cold: (round) => underLoad(rig.cold, ofRound(round)),
    },
    bench.rounds(WHAT[kind], { warmUps: 1 }),
  );
  const asked = costBeside(WHAT[kind], service, node);
  return [
    { ...asked, goal: { of: 'ratio', atLeast: GOALS[kind] } },
    costBeside('the same, no row in memory', cold, node),
  ];
}

export function costBeside(what: string, service: readonly HttpSample[], node: readonly HttpSample[]): Figure {
  const values = series(service, 'cpuUs');
  const floors = series(node, 'cpuUs');
  return {
    what,
    unit: 'µs CPU a request',
    values,
    floor: { what: 'bare `node:http`, same bytes', values: floors },
    ratios: ratiosTo(floors, values, 'cost'),
    also: {
      'requests a second': median(series(service, 'perSecond')),
      'of the bare server': median(series(node, 'perSecond')),
      'p99 in ms': median(series(service, 'p99Ms')),
      'µs CPU a request of the client': median(series(service, 'clientCpuUs')),
    },
  };
}

/** So many checks by one kind; `person` is who the n-th question is about. */
export function checksOf(
  rig: Askable,
  kind: CheckKind,
  requests: number,
  person: (n: number) => number,
): Omit<Load, 'port'> {
  const accept = (n: number, response: RawResponse) => {
    const asked = person(n);
    acceptDecision(response, rig.recipientIds[asked] as string, isEligible(storyOf(asked)));
  };
  const request = kind === 'id' ? byId(rig, person) : byPhone(rig, person);
  return { connections: CONNECTIONS, requests, request, accept, awake: true };
}

function byId({ key, recipientIds }: Askable, person: (n: number) => number) {
  const query = `channel=${TOPIC.channel}&purpose=${TOPIC.purpose}`;
  return (n: number) => {
    const path = `/v1/businesses/${BUSINESS}/recipients/${recipientIds[person(n)]}/eligibility?${query}`;
    return requestOf({ method: 'GET', path, key });
  };
}

function byPhone({ key }: Askable, person: (n: number) => number) {
  const path = `/v1/businesses/${BUSINESS}/eligibility`;
  return (n: number) => {
    const body = JSON.stringify({ recipient: { phone: phoneOf(person(n)) }, ...TOPIC });
    return requestOf({ method: 'POST', path, key, body });
  };
}

/** Looked at as text: a client that parsed every answer would cost more than the bare server that is the floor. */
function acceptDecision({ status, body }: RawResponse, recipientId: string, eligible: boolean): void {
  const text = body.toString('latin1');
  const right = status === 200 && text.includes(`"eligible":${eligible}`) && text.includes(recipientId);
  if (!right) throw new Error(`expected eligible=${eligible} for ${recipientId}, got ${status}: ${text}`);
}

export function acceptCanned(_n: number, { status, body }: RawResponse): void {
  if (status !== 200 || !body.toString('latin1').includes('"eligible":'))
    throw new Error('the floor sent something else');
}
