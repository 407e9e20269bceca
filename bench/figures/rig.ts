import { cpSync } from 'node:fs';
import { join } from 'node:path';
import type { Bench } from '../harness/bench.js';
import { programOf, startHelper } from '../harness/child.js';
import { cpuSecondsOf } from '../harness/proc.js';
import { runLoad, type Load } from '../harness/load.js';
import { headersOf, type RawResponse } from '../harness/response.js';
import { percentile } from '../harness/statistics.js';
import type { CannedAnswer } from '../floors/http/main.js';
import { seed } from '../seed/seed.js';
import { storyOf } from '../seed/people.js';
import { found, startService } from '../seed/service.js';

/** A server process under load. */
export interface Target {
  readonly pid: number;
  readonly port: number;
}

/** A service over a ledger of many people, and what a caller must know to ask it. */
export interface Askable extends Target {
  /** A key of the business, for checks and opt-outs. */
  readonly key: string;
  readonly people: number;
  readonly recipientIds: readonly string[];
}

export interface Rig extends Askable {
  readonly grpcPort: number;
  /** The same service over a copy of the data, which keeps no row in memory and looks each one up in the view's file. */
  readonly cold: Target;
}

const PEOPLE = 100_000;

/** Founds, seeds and starts the service, once for all figures that ask it. */
export async function openRig(bench: Bench): Promise<Rig> {
  const dataDir = join(bench.dir, 'service');
  const { key, people, recipientIds } = await foundAndSeed(bench, dataDir, bench.amount(PEOPLE));
  const coldDir = join(bench.dir, 'cold');
  cpSync(dataDir, coldDir, { recursive: true });
  const { profileDir } = bench.options;
  const { pid, port, grpcPort, stop } = await startService(dataDir, profileDir === undefined ? {} : { profileDir });
  bench.own(stop);
  const cold = await startService(coldDir, { cachedRows: 1 });
  bench.own(cold.stop);
  return { pid, port, grpcPort, key, people, recipientIds, cold };
}

/** A data directory that the service has made and that many people's stories stand in. */
export async function foundAndSeed(
  bench: Bench,
  dataDir: string,
  people: number,
): Promise<Omit<Askable, keyof Target>> {
  bench.progress.say('starting the service');
  const key = await found(dataDir);
  const { recipientIds } = await seed({ dataDir, people, storyOf }, bench.progress);
  return { key, people, recipientIds };
}

export type HttpSample = {
  /** Microseconds of the server process, all its threads, per request. */
  readonly cpuUs: number;
  readonly perSecond: number;
  readonly p99Ms: number;
  /** Microseconds of the load client, per request: not part of `cpuUs`. */
  readonly clientCpuUs: number;
};

/** Asks, and tells what it cost the server. */
export async function underLoad({ pid, port }: Target, load: Omit<Load, 'port'>): Promise<HttpSample> {
  const before = cpuSecondsOf(pid);
  const { seconds, clientCpuSeconds, latenciesMs } = await runLoad({ ...load, port });
  const perRequest = 1_000_000 / load.requests;
  return {
    cpuUs: (cpuSecondsOf(pid) - before) * perRequest,
    perSecond: load.requests / seconds,
    p99Ms: percentile(latenciesMs, 0.99),
    clientCpuUs: clientCpuSeconds * perRequest,
  };
}

/** How many different answers the floor sends in turn. */
const CANNED = 256;

/** Starts the floor: a bare server that sends, over and over, what the service answered to the first requests. */
export async function startFloor(bench: Bench, service: Target, load: Omit<Load, 'port'>): Promise<Target> {
  const canned: CannedAnswer[] = [];
  const keep = (n: number, response: RawResponse) => {
    load.accept(n, response);
    canned.push({ headers: headersOf(response.head), body: response.body.toString() });
  };
  await runLoad({ ...load, port: service.port, connections: 1, requests: CANNED, accept: keep });
  const { pid, said, stop } = await startHelper(programOf('bench/floors/http/main.js'), canned);
  bench.own(stop);
  return { pid, port: said as number };
}
