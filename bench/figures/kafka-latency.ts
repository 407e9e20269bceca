import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { TOPICS } from '#contracts';
import { RAW_TOPIC, RawKafka, type RawRecord } from '../floors/kafka/raw.js';
import type { Bench } from '../harness/bench.js';
import type { Figure } from '../harness/figure.js';
import { interleave, series, type Sample } from '../harness/rounds.js';
import { median, percentile, ratiosTo } from '../harness/statistics.js';
import { BUSINESS, TOPIC, phoneOf } from '../seed/people.js';
import { found, startService } from '../seed/service.js';

const REVOCATIONS = 400;
const EVERY_MS = 20;
/** At most three times the floor, and never more than so many milliseconds. */
const GOAL_RATIO = 1 / 3;
/** Kafka may be faster than the answer to the request: less than nothing cannot be divided by. */
const LEAST_MS = 0.05;

type LatencySample = Sample & { readonly p50Ms: number; readonly p99Ms: number; readonly fromRequestP50Ms: number };

/**
 * How long after its acknowledgement over HTTP an opt-out is in the hands of a plain consumer, beside what kafkajs takes
 * from its own send to the same consumer for the same bytes, at the same steady rate.
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
  const url = `http://127.0.0.1:${service.port}/v1/businesses/${BUSINESS}/revocations`;
  let people = 0;
  const revoke = async () => eventIdOf(await postRevocation(url, key, people++));
  const seen = new Seen();
  await topicsMade(raw, revoke, seen);
  const count = bench.amount(REVOCATIONS);
  const template = seen.any().message;
  const sendRaw = async () => {
    const id = randomUUID();
    const headers = { ...template.headers, ce_id: id };
    const sentAt = performance.now();
    await raw.send([{ ...template, key: id, headers }]);
    return { id, from: sentAt };
  };
  const { floor, service: told } = await interleave<'floor' | 'service', LatencySample>(
    {
      floor: () => steadily(count, sendRaw, seen),
      service: () =>
        steadily(
          count,
          async () => {
            const id = await revoke();
            return { id, from: performance.now() };
          },
          seen,
        ),
    },
    bench.rounds('opt-out to consumer', { warmUps: 1 }),
  );
  return (['p50', 'p99'] as const).map((share) => figureOf(share, told, floor));
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

async function steadily(
  count: number,
  act: () => Promise<{ readonly id: string; readonly from: number }>,
  seen: Seen,
): Promise<LatencySample> {
  const latencies: Promise<number>[] = [];
  const whole: Promise<number>[] = [];
  const began = performance.now();
  for (let n = 0; n < count; n++) {
    await pause(Math.max(0, began + n * EVERY_MS - performance.now()));
    const calledAt = performance.now();
    const done = act();
    latencies.push(done.then(async ({ id, from }) => Math.max(LEAST_MS, (await seen.of(id)) - from)));
    whole.push(done.then(async ({ id }) => (await seen.of(id)) - calledAt));
  }
  const [ms, fromRequest] = [await Promise.all(latencies), await Promise.all(whole)];
  return {
    p50Ms: percentile(ms, 0.5),
    p99Ms: percentile(ms, 0.99),
    fromRequestP50Ms: percentile(fromRequest, 0.5),
  };
}

function figureOf(share: 'p50' | 'p99', told: readonly LatencySample[], floor: readonly LatencySample[]): Figure {
  const [values, floors] = [series(told, `${share}Ms`), series(floor, `${share}Ms`)];
  return {
    what: `opt-out acknowledged over HTTP → a plain consumer has it, ${1_000 / EVERY_MS} a second, ${share}`,
    unit: 'ms',
    values,
    floor: { what: `kafkajs from send to consumer, the same bytes, ${share}`, values: floors },
    ratios: ratiosTo(floors, values, 'cost'),
    goal: { of: 'ratio', atLeast: GOAL_RATIO },
    also: share === 'p50' ? { 'from the request, p50 in ms': median(series(told, 'fromRequestP50Ms')) } : {},
  };
}

/** When each record was seen, also by those who ask before it was. */
class Seen {
  private readonly at = new Map<string, number>();
  private readonly waiting = new Map<string, (seenAtMs: number) => void>();
  private first: RawRecord | undefined;

  take(record: RawRecord): void {
    this.first ??= record;
    if (this.at.has(record.id)) return;
    this.at.set(record.id, record.seenAtMs);
    this.waiting.get(record.id)?.(record.seenAtMs);
    this.waiting.delete(record.id);
  }

  any(): RawRecord {
    if (!this.first) throw new Error('no record was seen yet');
    return this.first;
  }

  of(id: string): Promise<number> {
    const at = this.at.get(id);
    if (at !== undefined) return Promise.resolve(at);
    return new Promise((resolve) => {
      const others = this.waiting.get(id);
      this.waiting.set(id, (seenAtMs) => {
        others?.(seenAtMs);
        resolve(seenAtMs);
      });
    });
  }
}

function postRevocation(url: string, key: string, person: number): Promise<Response> {
  const body = { recipient: { phone: phoneOf(person) }, channels: [TOPIC.channel], method: 'preference_page' };
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  return fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
}

async function eventIdOf(response: Response): Promise<string> {
  const { eventId } = (await response.json()) as { eventId?: string };
  if (response.status !== 201 || eventId === undefined) throw new Error(`a revocation was answered ${response.status}`);
  return eventId;
}
