import {
  CHECK_REQUEST,
  CHECK_RESPONSE,
  FILTER_REQUEST,
  FILTER_RESPONSE,
  type Decision,
  type Recipient,
} from '#grpc-messages';
import type { CannedMessages } from '../floors/grpc/main.js';
import type { Bench } from '../harness/bench.js';
import { programOf, startHelper } from '../harness/child.js';
import type { Figure } from '../harness/figure.js';
import { runGrpcLoad, type GrpcLoad } from '../harness/grpc-load.js';
import { cpuSecondsOf } from '../harness/proc.js';
import { interleave, series } from '../harness/rounds.js';
import { median, ratiosTo } from '../harness/statistics.js';
import { BUSINESS, TOPIC, isEligible, phoneOf, shuffled, storyOf } from '../seed/people.js';
import type { Rig, Target } from './rig.js';

const CALLS = 30_000;
const MESSAGES = 3_000;
const CHECKS = 100;
const CANNED = 64;
/** One answer in so many is read, since a client that reads all of them costs more than the server that sends them. */
const READ_ONE_IN = 20;

/** Of everybody once, so that all are in the cache, before it is measured. */
type Kind = 'id' | 'phone';

interface Sample {
  readonly [name: string]: number;
  readonly cpuUs: number;
  readonly perSecond: number;
}

/** Checks over gRPC beside grpc-js alone with the same messages: one for each call, and a hundred in each message. */
export async function measureGrpc(bench: Bench, rig: Rig): Promise<readonly Figure[]> {
  const floor = await startGrpcFloor(bench, rig);
  const figures: Figure[] = [];
  figures.push(await measureUnary(bench, rig, floor));
  for (const kind of ['id', 'phone'] as const) figures.push(await measureFilter(bench, rig, floor, kind));
  return figures;
}

async function measureUnary(bench: Bench, rig: Rig, floor: Target): Promise<Figure> {
  const what = 'gRPC check by id, 16 calls under way';
  const load = checks(rig, bench.amount(CALLS));
  const bare = { ...load, accept: anything };
  const rounds = bench.rounds(what, { warmUps: 1 });
  const { service, node } = await interleave(
    { service: () => underGrpcLoad(served(rig), load), node: () => underGrpcLoad(floor, bare) },
    rounds,
  );
  const [values, floors] = [series(service, 'cpuUs'), series(node, 'cpuUs')];
  return {
    what,
    unit: 'µs CPU a call',
    values,
    floor: { what: 'grpc-js alone, same messages', values: floors },
    ratios: ratiosTo(floors, values, 'cost'),
    goal: { of: 'ratio', atLeast: 0.75 },
    also: { 'calls a second': median(series(service, 'perSecond')) },
  };
}

async function measureFilter(bench: Bench, rig: Rig, floor: Target, kind: Kind): Promise<Figure> {
  const what = `gRPC Filter by ${kind}, messages of ${CHECKS}`;
  const load = filters(rig, kind, bench.amount(MESSAGES));
  const { service, node } = await interleave(
    {
      service: () => underGrpcLoad(served(rig), load),
      node: () => underGrpcLoad(floor, { ...load, accept: anything }),
    },
    bench.rounds(what, { warmUps: 1 }),
  );
  const decisions = (samples: readonly Sample[]) => series(samples, 'cpuUs').map((us) => (CHECKS * 1_000_000) / us);
  const [values, floors] = [decisions(service), decisions(node)];
  return {
    what,
    unit: 'decisions a CPU second',
    values,
    floor: { what: 'grpc-js alone, same messages', values: floors },
    ratios: ratiosTo(floors, values, 'rate'),
    goal: { of: 'value', atLeast: kind === 'id' ? 300_000 : 150_000 },
    also: { 'decisions a second': median(series(service, 'perSecond')) * CHECKS },
  };
}

function served({ pid, grpcPort }: Rig): Target {
  return { pid, port: grpcPort };
}

type Asking = Omit<GrpcLoad, 'port'>;

/** What it costs the server, all its threads, per message. */
async function underGrpcLoad({ pid, port }: Target, load: Asking): Promise<Sample> {
  const before = cpuSecondsOf(pid);
  const seconds = await runGrpcLoad({ ...load, port });
  return { cpuUs: ((cpuSecondsOf(pid) - before) * 1_000_000) / load.messages, perSecond: load.messages / seconds };
}

const anything = (): void => undefined;

function checks(rig: Rig, messages: number): Asking {
  const people = Math.min(rig.people, messages);
  const prepared = Array.from({ length: people }, (_, n) =>
    CHECK_REQUEST.encode({ businessId: BUSINESS, recipient: { recipientId: idOf(rig, n) }, ...TOPIC }),
  );
  const accept = (n: number, answer: Buffer) => {
    if (n % READ_ONE_IN === 0) acceptDecision(rig, n % people, CHECK_RESPONSE.decode(answer).decision);
  };
  return {
    key: rig.key,
    method: 'check',
    connections: 2,
    underWay: 8,
    messages,
    message: (n) => prepared[n % people] as Buffer,
    accept,
  };
}

function filters(rig: Rig, kind: Kind, messages: number): Asking {
  const different = Math.max(1, Math.min(messages, Math.floor(rig.people / CHECKS)));
  const recipientOf = (n: number): Recipient =>
    kind === 'id' ? { recipientId: idOf(rig, n) } : { phone: phoneOf(shuffled(n, rig.people)) };
  const prepared = Array.from({ length: different }, (_, message) => {
    const asked = Array.from({ length: CHECKS }, (_, n) => ({ recipient: recipientOf(message * CHECKS + n) }));
    return FILTER_REQUEST.encode({ businessId: BUSINESS, ...TOPIC, checks: asked });
  });
  const accept = (n: number, answer: Buffer) => {
    if (n % READ_ONE_IN !== 0) return;
    const { answers } = FILTER_RESPONSE.decode(answer);
    if (answers.length !== CHECKS) throw new Error(`${answers.length} answers to ${CHECKS} checks`);
    answers.forEach(({ decision }, index) => acceptDecision(rig, (n % different) * CHECKS + index, decision));
  };
  return {
    key: rig.key,
    method: 'filter',
    connections: 1,
    underWay: 8,
    messages,
    message: (n) => prepared[n % different] as Buffer,
    accept,
  };
}

function idOf(rig: Rig, n: number): string {
  return rig.recipientIds[shuffled(n, rig.people)] as string;
}

function acceptDecision(rig: Rig, n: number, decision: Decision | undefined): void {
  const eligible = isEligible(storyOf(shuffled(n, rig.people)));
  if (decision?.recipientId === idOf(rig, n) && decision.eligible === eligible) return;
  throw new Error(`expected eligible=${eligible} for ${idOf(rig, n)}, got ${JSON.stringify(decision)}`);
}

/** It sends what the service answered to the first messages. */
async function startGrpcFloor(bench: Bench, rig: Rig): Promise<Target> {
  const canned = {
    checks: await firstAnswers(rig, checks(rig, CANNED)),
    filters: await firstAnswers(rig, filters(rig, 'id', CANNED)),
  };
  const { pid, said, stop } = await startHelper(
    programOf('bench/floors/grpc/main.js'),
    canned satisfies CannedMessages,
  );
  bench.own(stop);
  return { pid, port: said as number };
}

async function firstAnswers(rig: Rig, load: Asking): Promise<readonly string[]> {
  const answers: string[] = [];
  const accept = (n: number, answer: Buffer) => {
    load.accept(n, answer);
    answers.push(answer.toString('base64'));
  };
  await runGrpcLoad({ ...load, port: rig.grpcPort, connections: 1, underWay: 1, accept });
  return answers;
}
