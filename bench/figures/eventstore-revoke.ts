import { readFileSync, readdirSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { instantOf } from '#consent';
import type { ClientAppended, ClientOrder } from '../floors/client/main.js';
import type { Bench } from '../harness/bench.js';
import { programOf, startHelper } from '../harness/child.js';
import type { Figure } from '../harness/figure.js';
import { interleave, series, type Sample } from '../harness/rounds.js';
import { median, percentile, ratiosTo } from '../harness/statistics.js';
import { startEventStore } from '../seed/eventstore.js';
import { seed } from '../seed/seed.js';
import { found, startService } from '../seed/service.js';
import { SeedWriter } from '../seed/writer.js';
import { peopleInTurn, requireRevoked, revokeAtOnce } from './revoke.js';
import type { Askable, HttpSample } from './rig.js';

const WRITERS = 16;
const REVOCATIONS = 2_000;
const WARM_UPS = 500;
/** Everybody has agreed once, and there are enough for nobody to say stop twice in a full run. */
const PEOPLE = 12_000;
/** At most twice the floor. */
const GOAL = 0.5;

type AppendSample = Sample & { readonly p99Ms: number; readonly perSecond: number };

/** An opt-out over HTTP with the ledger on EventStoreDB, beside the official client that appends the like of it. */
export async function measureEventStoreRevoke(bench: Bench): Promise<readonly Figure[]> {
  const { url, event, ...rig } = await openRigOnEventStore(bench);
  const people = peopleInTurn(rig);
  const appends = bench.amount(REVOCATIONS);
  const order: ClientOrder = { url, event, inFlight: WRITERS, appends, warmUps: WARM_UPS };
  const { client, service } = await interleave<'client' | 'service', AppendSample>(
    { client: () => appendRaw(order), service: () => revokeAtOnce(rig, people, WRITERS, appends) },
    bench.rounds('revocation on EventStoreDB', { warmUps: 1 }),
  );
  await requireRevoked(rig, people.asked());
  return [figureOf(service as readonly HttpSample[], client)];
}

function figureOf(samples: readonly HttpSample[], client: readonly AppendSample[]): Figure {
  const [values, floors] = [series(samples, 'p99Ms'), series(client, 'p99Ms')];
  return {
    what: `revocation acknowledged over HTTP on EventStoreDB, p99, ${WRITERS} writers`,
    unit: 'ms',
    values,
    floor: { what: 'append of the official client, p99, as many in flight', values: floors },
    ratios: ratiosTo(floors, values, 'cost'),
    goal: { of: 'ratio', atLeast: GOAL },
    also: {
      'revocations a second': median(series(samples, 'perSecond')),
      'appends of the client a second': median(series(client, 'perSecond')),
      'µs CPU of the service each': median(series(samples, 'cpuUs')),
    },
  };
}

async function appendRaw(order: ClientOrder): Promise<AppendSample> {
  const { said } = await startHelper(programOf('bench/floors/client/main.js'), order);
  const { perSecond, latenciesMs } = said as ClientAppended;
  return { perSecond, p99Ms: percentile(latenciesMs, 0.99) };
}

interface RigOnEventStore extends Askable {
  readonly url: string;
  /** An opt-out as the service stores it. */
  readonly event: ClientOrder['event'];
}

/** Founded and seeded as an embedded ledger, which our server then serves: the vault goes with either. */
async function openRigOnEventStore(bench: Bench): Promise<RigOnEventStore> {
  const [dataDir, ledgerDir] = [join(bench.dir, 'esdb-service'), join(bench.dir, 'esdb-ledger')];
  const people = bench.amount(PEOPLE);
  const key = await found(dataDir);
  const { recipientIds } = await seed({ dataDir, people, storyOf: () => ['grant'] }, bench.progress);
  const event = await optOutOf(dataDir);
  moveLedger(dataDir, ledgerDir);
  const { url, stop } = await startEventStore(ledgerDir);
  bench.own(stop);
  const { profileDir } = bench.options;
  const env = { EVENTSTORE_URL: url, ...secretsOf(dataDir) };
  const service = await startService(dataDir, { env, ...(profileDir === undefined ? {} : { profileDir }) });
  bench.own(service.stop);
  const { pid, port } = service;
  return { pid, port, key, people, recipientIds, url, event };
}

async function optOutOf(dataDir: string): Promise<ClientOrder['event']> {
  const writer = await SeedWriter.open(dataDir);
  try {
    const { type, data, metadata } = (await writer.eventOf(0, 'stop', instantOf(Date.now()))).event;
    return { type, data: textOf(data), metadata: textOf(metadata) };
  } finally {
    await writer.close();
  }
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

function moveLedger(from: string, to: string): void {
  mkdirSync(to, { mode: 0o700 });
  const files = readdirSync(from).filter((name) => name.startsWith('ledger.db'));
  for (const name of files) renameSync(join(from, name), join(to, name));
}

/** Those of the first start, as the service wants them said where the ledger is not its own. */
function secretsOf(dataDir: string): Readonly<Record<string, string>> {
  const { pepper, keyEncryptionKey } = JSON.parse(readFileSync(join(dataDir, 'secrets.json'), 'utf8')) as {
    pepper: string;
    keyEncryptionKey: string;
  };
  return { PEPPER: pepper, KEY_ENCRYPTION_KEY: keyEncryptionKey };
}
