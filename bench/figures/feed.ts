import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { Bench } from '../harness/bench.js';
import { programOf, startHelper } from '../harness/child.js';
import type { Figure } from '../harness/figure.js';
import { interleave, series, type Sample } from '../harness/rounds.js';
import { percentile, ratiosTo } from '../harness/statistics.js';
import { BUSINESS, TOPIC, phoneOf } from '../seed/people.js';
import { found, startService } from '../seed/service.js';

const REVOCATIONS = 400;
const EVERY_MS = 20;

type LatencySample = Sample & { readonly p50Ms: number; readonly p99Ms: number };

/** Where opt-outs are sent and where one listens for them. */
interface Place {
  readonly base: string;
  readonly key: string;
  readonly seen: Seen;
}

/**
 * How long after its request an opt-out is in the hands of a watcher over Server-Sent Events, durable and all, beside a
 * bare server that tells what it was sent.
 */
export async function measureFeed(bench: Bench): Promise<readonly Figure[]> {
  const dataDir = join(bench.dir, 'feed');
  const key = await found(dataDir);
  const { profileDir } = bench.options;
  const service = await startService(dataDir, profileDir === undefined ? {} : { profileDir });
  bench.own(service.stop);
  const told = await listen(`http://127.0.0.1:${service.port}/v1/businesses/${BUSINESS}`, key);
  let people = 0;
  const first = await postRevocation(told, people++);
  await told.seen.of(first);
  const floorServer = await startHelper(programOf('bench/floors/streams/main.js'), {
    change: told.seen.lastChange,
    line: '{}',
  });
  bench.own(floorServer.stop);
  const bare = await listen(`http://127.0.0.1:${String(floorServer.said)}`, key);
  const count = bench.amount(REVOCATIONS);
  const { watched, floor } = await interleave<'watched' | 'floor', LatencySample>(
    {
      watched: () => steadily(count, () => postRevocation(told, people++), told.seen),
      floor: () => steadily(count, () => postRevocation(bare, people++), bare.seen),
    },
    bench.rounds('opt-out to watcher', { warmUps: 1 }),
  );
  return (['p50', 'p99'] as const).map((share) => figureOf(share, watched, floor));
}

function figureOf(share: 'p50' | 'p99', watched: readonly LatencySample[], floor: readonly LatencySample[]): Figure {
  const [values, floors] = [series(watched, `${share}Ms`), series(floor, `${share}Ms`)];
  return {
    what: `opt-out sent over HTTP → a watcher has it, ${1_000 / EVERY_MS} a second, ${share}`,
    unit: 'ms',
    values,
    floor: { what: `bare node:http that tells what it was sent, ${share}`, values: floors },
    ratios: ratiosTo(floors, values, 'cost'),
    also: {},
  };
}

async function steadily(count: number, act: () => Promise<string>, seen: Seen): Promise<LatencySample> {
  const latencies: Promise<number>[] = [];
  const began = performance.now();
  for (let n = 0; n < count; n++) {
    await pause(Math.max(0, began + n * EVERY_MS - performance.now()));
    const calledAt = performance.now();
    latencies.push(act().then(async (id) => (await seen.of(id)) - calledAt));
  }
  const ms = await Promise.all(latencies);
  return { p50Ms: percentile(ms, 0.5), p99Ms: percentile(ms, 0.99) };
}

async function listen(base: string, key: string): Promise<Place> {
  const seen = new Seen();
  const watching = get(`${base}/changes`, { agent: false, headers: { authorization: `Bearer ${key}` } });
  const [response] = (await once(watching, 'response')) as [IncomingMessage];
  response.setEncoding('utf8').on('data', (text: string) => seen.take(text));
  return { base, key, seen };
}

async function postRevocation({ base, key }: Place, person: number): Promise<string> {
  const body = { recipient: { phone: phoneOf(person) }, channels: [TOPIC.channel], method: 'preference_page' };
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const response = await fetch(`${base}/revocations`, { method: 'POST', headers, body: JSON.stringify(body) });
  const { eventId } = (await response.json()) as { eventId?: string };
  if (response.status !== 201 || eventId === undefined) throw new Error(`a revocation was answered ${response.status}`);
  return eventId;
}

/** When each change was seen, also by those who ask before it was. */
class Seen {
  lastChange = '{}';
  private rest = '';
  private readonly at = new Map<string, number>();
  private readonly waiting = new Map<string, (seenAtMs: number) => void>();

  take(text: string): void {
    const seenAtMs = performance.now();
    const frames = (this.rest + text).split('\n\n');
    this.rest = frames.pop() ?? '';
    for (const frame of frames) {
      const [, data, id] = /^data: (.*"eventId":"([^"]+)".*)$/m.exec(frame) ?? [];
      if (data === undefined || id === undefined) continue;
      this.lastChange = data;
      this.at.set(id, seenAtMs);
      this.waiting.get(id)?.(seenAtMs);
      this.waiting.delete(id);
    }
  }

  of(id: string): Promise<number> {
    const at = this.at.get(id);
    return at === undefined ? new Promise((resolve) => this.waiting.set(id, resolve)) : Promise.resolve(at);
  }
}
