import { setTimeout as pause } from 'node:timers/promises';
import type { RawRecord } from '../floors/kafka/raw.js';
import type { Sample } from '../harness/rounds.js';
import { percentile } from '../harness/statistics.js';
import { DISCLOSURE, TOPIC, phoneOf } from '../seed/people.js';

export const EVERY_MS = 20;
/** Kafka may be faster than the answer to the request: less than nothing cannot be divided by. */
const LEAST_MS = 0.05;

export type LatencySample = Sample & {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly fromRequestP50Ms: number;
};

/** Acts at a steady rate; from when it says so until it was seen is a latency. */
export async function steadily(
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

/** Nobody from here on says stop in the same run. */
const FIRST_IMPORTED = 10_000_000;
const IMPORTED_AT = '2026-01-01T00:00:00.000Z';
const IMPORTERS = 16;

/** When each record was seen, also by those who ask before it was. */
export class Seen {
  private readonly at = new Map<string, number>();
  private readonly waiting = new Map<string, (seenAtMs: number) => void>();
  private first: RawRecord | undefined;

  take(record: RawRecord): void {
    this.first ??= record;
    this.note(record.id, record.seenAtMs);
  }

  note(id: string, seenAtMs: number): void {
    if (this.at.has(id)) return;
    this.at.set(id, seenAtMs);
    this.waiting.get(id)?.(seenAtMs);
    this.waiting.delete(id);
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

/** To the commands of a business, `url`. */
export function postRevocation(url: string, key: string, person: number): Promise<Response> {
  const body = { recipient: { phone: phoneOf(person) }, channels: [TOPIC.channel], method: 'preference_page' };
  return post(`${url}/revocations`, key, body);
}

/** Imports grants of others one after the other, so many at once, until `signal` aborts; answers how many. */
export async function importGrants(url: string, key: string, first: number, signal: AbortSignal): Promise<number> {
  let imported = 0;
  const one = async () => {
    while (!signal.aborted) {
      const recipient = { phone: phoneOf(FIRST_IMPORTED + first + imported++) };
      const what = { channels: [TOPIC.channel], purposes: [TOPIC.purpose], method: 'import', disclosure: DISCLOSURE };
      const response = await post(`${url}/grants`, key, { recipient, ...what, occurredAt: IMPORTED_AT });
      await response.text();
      if (response.status !== 201) throw new Error(`a grant was answered ${response.status}`);
    }
  };
  await Promise.all(Array.from({ length: IMPORTERS }, one));
  return imported;
}

function post(url: string, key: string, body: unknown): Promise<Response> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  return fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
}

export async function eventIdOf(response: Response): Promise<string> {
  const { eventId } = (await response.json()) as { eventId?: string };
  if (response.status !== 201 || eventId === undefined) throw new Error(`a revocation was answered ${response.status}`);
  return eventId;
}
