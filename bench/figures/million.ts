import { join } from 'node:path';
import { removePostgresServers, startPostgres } from '../../test/postgres/server.js';
import type { ControlOrder } from '../floors/control/main.js';
import { fillControl } from '../floors/control/table.js';
import type { Bench } from '../harness/bench.js';
import { programOf, startHelper } from '../harness/child.js';
import type { Figure } from '../harness/figure.js';
import type { Load } from '../harness/load.js';
import { cpuSecondsOfAll, memoryOf } from '../harness/proc.js';
import type { RawResponse } from '../harness/response.js';
import { interleave, series } from '../harness/rounds.js';
import { median, ratiosTo } from '../harness/statistics.js';
import { anybody, isEligible, shuffled, storyOf } from '../seed/people.js';
import { startService } from '../seed/service.js';
import { measureBatches } from './batch.js';
import { acceptCanned, checksOf, costBeside, type CheckKind } from './check.js';
import { foundAndSeed, startFloor, underLoad, type Askable, type HttpSample, type Target } from './rig.js';

const PEOPLE = 1_000_000;
const REQUESTS = 50_000;
const GOALS = { id: 0.55, phone: 0.45 } as const;
const MAX_MB_ABOVE_IDLE = 250;
const TIMES_THE_CONTROL = 3;

type Ask = Omit<Load, 'port'>;

/** A million recipients, all of whom have been asked about once: the cache beside its floors, in time and in memory. */
export async function measureMillion(bench: Bench): Promise<readonly Figure[]> {
  const dataDir = join(bench.dir, 'million');
  const idleMb = await idleMemory(bench);
  const askable = await foundAndSeed(bench, dataDir, bench.amount(PEOPLE));
  const buildingMb = await makeView(bench, dataDir);
  const { pid, port, stop } = await startService(dataDir);
  bench.own(stop);
  const service: Askable = { ...askable, pid, port };
  bench.progress.say('asking about everybody once');
  await underLoad(service, everybody(service, 'id'));
  const residentMb = memoryOf(pid)?.residentMb ?? Number.NaN;
  return [
    memoryFigure(residentMb, idleMb, buildingMb),
    await checkFigure(bench, service, 'id'),
    await checkFigure(bench, service, 'phone'),
    ...(await measureBatches(bench, service)),
    ...(await measureControl(bench, service)),
  ];
}

/** The service with nobody in it, after a start like the other's. */
async function idleMemory(bench: Bench): Promise<number> {
  const { pid, stop } = await startService(join(bench.dir, 'idle'));
  const memory = memoryOf(pid);
  await stop();
  return memory?.residentMb ?? Number.NaN;
}

/** A process that has made the view keeps what that took of memory; one that serves has found it made. */
async function makeView(bench: Bench, dataDir: string): Promise<number> {
  bench.progress.say('making the view');
  const { pid, stop } = await startService(dataDir);
  const memory = memoryOf(pid);
  await stop();
  return memory?.residentMb ?? Number.NaN;
}

function memoryFigure(residentMb: number, idleMb: number, buildingMb: number): Figure {
  return {
    what: 'memory above an idle process, everybody asked about',
    unit: 'MB',
    values: [residentMb - idleMb],
    goal: { of: 'value', atMost: MAX_MB_ABOVE_IDLE },
    also: { 'MB of the idle process': idleMb, 'MB of a process that has made the view, all told': buildingMb },
  };
}

function everybody(service: Askable, kind: CheckKind): Ask {
  return checksOf(service, kind, service.people, (n) => shuffled(n, service.people));
}

/** Each round goes on where the last one ended. */
function ofRound(service: Askable, kind: CheckKind, requests: number) {
  return (round: number) => checksOf(service, kind, requests, (n) => anybody(round * requests + n, service.people));
}

async function checkFigure(bench: Bench, service: Askable, kind: CheckKind): Promise<Figure> {
  const requests = bench.amount(REQUESTS);
  const asked = ofRound(service, kind, requests);
  const floor = await startFloor(bench, service, everybody(service, kind));
  const bare = { ...asked(0), accept: acceptCanned };
  const what = `check by ${kind}, a million recipients in the cache`;
  const samples = await interleave(
    { service: (round) => underLoad(service, asked(round)), node: () => underLoad(floor, bare) },
    bench.rounds(what, { warmUps: 1 }),
  );
  return { ...costBeside(what, samples.service, samples.node), goal: { of: 'ratio', atLeast: GOALS[kind] } };
}

/** The same questions to what a user would write instead. */
async function measureControl(bench: Bench, service: Askable): Promise<readonly Figure[]> {
  const what = 'check by phone beside a table in PostgreSQL behind Fastify';
  bench.own(removePostgresServers);
  const postgres = await startPostgres({ settings: { shared_buffers: '512MB' } });
  bench.progress.say(`${what}: filling the table`);
  await fillControl(postgres.url, service.people);
  const order: ControlOrder = { url: postgres.url, key: service.key };
  const { pid, said, stop } = await startHelper(programOf('bench/floors/control/main.js'), order);
  bench.own(stop);
  const control = { pid, port: said as number };
  const asked = ofRound(service, 'phone', bench.amount(REQUESTS));
  const samples = await interleave(
    {
      service: (round) => underLoad(service, asked(round)),
      control: (round) => withDatabase(control, postgres.pid, controlled(service, asked(round), round, bench)),
    },
    bench.rounds(what, { warmUps: 1 }),
  );
  return [controlFigure(what, samples.service, samples.control)];
}

/** The control names no recipient id: only its yes or no is looked at. */
function controlled(service: Askable, load: Ask, round: number, bench: Bench): Ask {
  const requests = bench.amount(REQUESTS);
  const accept = (n: number, { status, body }: RawResponse) => {
    const eligible = isEligible(storyOf(anybody(round * requests + n, service.people)));
    if (status !== 200 || !body.toString('latin1').includes(`"eligible":${eligible}`))
      throw new Error(`the control answered ${status}: ${body.toString()}`);
  };
  return { ...load, accept };
}

/** What it costs the server and the database behind it. */
async function withDatabase(target: Target, postmaster: number, load: Ask): Promise<HttpSample> {
  const before = cpuSecondsOfAll(postmaster);
  const sample = await underLoad(target, load);
  const databaseUs = ((cpuSecondsOfAll(postmaster) - before) * 1_000_000) / load.requests;
  return { ...sample, cpuUs: sample.cpuUs + databaseUs };
}

function controlFigure(what: string, service: readonly HttpSample[], control: readonly HttpSample[]): Figure {
  const [values, floors] = [series(service, 'perSecond'), series(control, 'perSecond')];
  return {
    what,
    unit: 'requests a second',
    values,
    floor: { what: 'the control', values: floors },
    ratios: ratiosTo(floors, values, 'rate'),
    goal: { of: 'ratio', atLeast: TIMES_THE_CONTROL },
    also: {
      'µs CPU a request': median(series(service, 'cpuUs')),
      'of the control, its database included': median(series(control, 'cpuUs')),
    },
  };
}
