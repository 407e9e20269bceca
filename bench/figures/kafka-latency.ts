import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { TOPICS } from '#contracts';
import { startGuard } from '#sender-guard';
import { RAW_TOPIC, RawKafka } from '../floors/kafka/raw.js';
import type { Bench } from '../harness/bench.js';
import type { Figure } from '../harness/figure.js';
import { interleave, series } from '../harness/rounds.js';
import { median, ratiosTo } from '../harness/statistics.js';
import { BUSINESS, TOPIC } from '../seed/people.js';
import { found, startService } from '../seed/service.js';
import { EVERY_MS, Seen, eventIdOf, importGrants, postRevocation, steadily, type LatencySample } from './opt-outs.js';

const REVOCATIONS = 400;
/** At most three times the floor; five times itself at rest; and one and a half times the consumer. */
const GOAL_RATIO = 1 / 3;
const GOAL_IMPORTING = 1 / 5;
const GOAL_GUARD = 1 / 1.5;
const LOOK_MS = 100;

type Contender = 'floor' | 'service' | 'guard' | 'importing';
type Samples = Readonly<Record<Contender, readonly LatencySample[]>>;

/**
 * How long after its acknowledgement over HTTP an opt-out is in the hands of a plain consumer, beside what kafkajs takes
 * from its own send to the same consumer for the same bytes, at the same steady rate; the same while grants are imported
 * as fast as they are taken; and until a guard says no.
 */
export async function measureKafkaLatency(bench: Bench, brokers: readonly string[]): Promise<readonly Figure[]> {
  const raw = new RawKafka(brokers);
  bench.own(() => raw.close());
  await raw.open();
  const dataDir = join(bench.dir, 'kafka-latency');
  const key = await found(dataDir);
  const { profileDir } = bench.options;
  const env = { KAFKA_BROKERS: brokers.join(',') };
  const service = await startService(dataDir, { env, ...(profileDir === undefined ? {} : { profileDir }) });
  bench.own(service.stop);
  const base = `http://127.0.0.1:${service.port}`;
  const url = `${base}/v1/businesses/${BUSINESS}`;
  let people = 0;
  const revoke = async () => eventIdOf(await postRevocation(url, key, people++));
  const seen = new Seen();
  await topicsMade(raw, revoke, seen);
  const heard = await heardByGuard(bench, brokers);
  const count = bench.amount(REVOCATIONS);
  const template = seen.any().message;
  const sendRaw = async () => {
    const id = randomUUID();
    const headers = { ...template.headers, ce_id: id };
    const sentAt = performance.now();
    await raw.send([{ ...template, key: id, headers }]);
    return { id, from: sentAt };
  };
  const acknowledged = async () => ({ id: await revoke(), from: performance.now() });
  let imported = 0;
  const importing = async () => {
    const over = new AbortController();
    const grants = importGrants(url, key, imported, over.signal);
    const sample = await steadily(count, acknowledged, seen).finally(() => over.abort());
    imported += await grants;
    await everythingTold(base);
    return sample;
  };
  const samples = await interleave<Contender, LatencySample>(
    {
      floor: () => steadily(count, sendRaw, seen),
      service: () => steadily(count, acknowledged, seen),
      guard: () => steadily(count, acknowledged, heard),
      importing,
    },
    bench.rounds('opt-out to consumer', { warmUps: 1 }),
  );
  return [...(['p50', 'p99'] as const).map((share) => figureOf(share, samples)), ...besideAtRest(samples, imported)];
}

/** When a guard, as a sender has one, begins to say no because of each opt-out. */
async function heardByGuard(bench: Bench, brokers: readonly string[]): Promise<Seen> {
  const heard = new Seen();
  const guard = startGuard({ brokers });
  bench.own(() => guard.close());
  guard.on('optOut', ({ recipientId, eventId }) => {
    const { reason } = guard.check({ businessId: BUSINESS, recipientId, ...TOPIC });
    if (reason === 'REVOKED') heard.note(eventId, performance.now());
  });
  await guard.live();
  return heard;
}

/** What is left of an import must not fall on the next contender. */
async function everythingTold(base: string): Promise<void> {
  for (;;) {
    const health = (await (await fetch(`${base}/health/ready`)).json()) as { readonly followers: readonly Follower[] };
    if (health.followers.every(({ name, lagEvents = 0 }) => !name.startsWith('relay-') || lagEvents === 0)) return;
    await pause(LOOK_MS);
  }
}

interface Follower {
  readonly name: string;
  readonly lagEvents?: number;
}

/** The first opt-out waits for the topics to be made and for the consumers to be there. */
async function topicsMade(raw: RawKafka, revoke: () => Promise<string>, seen: Seen): Promise<void> {
  const first = await revoke();
  await raw.follow(RAW_TOPIC, (record) => seen.take(record));
  for (;;) {
    try {
      await raw.follow(TOPICS.optouts.topic, (record) => seen.take(record));
      break;
    } catch {
      await pause(100);
    }
  }
  await seen.of(first);
}

const WHAT = `opt-out acknowledged over HTTP → a plain consumer has it, ${1_000 / EVERY_MS} a second`;

function figureOf(share: 'p50' | 'p99', { service, floor }: Samples): Figure {
  const [values, floors] = [series(service, `${share}Ms`), series(floor, `${share}Ms`)];
  return {
    what: `${WHAT}, ${share}`,
    unit: 'ms',
    values,
    floor: { what: `kafkajs from send to consumer, the same bytes, ${share}`, values: floors },
    ratios: ratiosTo(floors, values, 'cost'),
    goal: { of: 'ratio', atLeast: GOAL_RATIO },
    also: share === 'p50' ? { 'from the request, p50 in ms': median(series(service, 'fromRequestP50Ms')) } : {},
  };
}

/** Both are held against the consumer's own figure of the same rounds. */
function besideAtRest({ service, guard, importing }: Samples, imported: number): readonly Figure[] {
  const floors = series(service, 'p99Ms');
  const beside = (what: string, samples: readonly LatencySample[], atLeast: number, also: Figure['also']): Figure => {
    const values = series(samples, 'p99Ms');
    const floor = { what: 'a plain consumer at rest, p99', values: floors };
    const ratios = ratiosTo(floors, values, 'cost');
    return { what, unit: 'ms', values, floor, ratios, goal: { of: 'ratio', atLeast }, also };
  };
  const guardP50 = { 'p50 in ms': median(series(guard, 'p50Ms')) };
  return [
    beside(`${WHAT}, while grants are imported, p99`, importing, GOAL_IMPORTING, { 'grants imported': imported }),
    beside('opt-out acknowledged over HTTP → a guard says no, p99', guard, GOAL_GUARD, guardP50),
  ];
}
