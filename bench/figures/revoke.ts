import { join } from 'node:path';
import { writeAndSync } from '../floors/disk.js';
import type { Bench } from '../harness/bench.js';
import type { Figure } from '../harness/figure.js';
import { requestOf } from '../harness/load.js';
import type { RawResponse } from '../harness/response.js';
import { interleave, series } from '../harness/rounds.js';
import { median, percentile } from '../harness/statistics.js';
import { BUSINESS, TOPIC, phoneOf, shuffled } from '../seed/people.js';
import { underLoad, type Askable, type HttpSample } from './rig.js';

const WRITERS = { one: 1, many: 64 } as const;
const REVOCATIONS = { one: 1_000, many: 8_000 } as const;
const GOALS_MS = { one: 5, many: 25 } as const;
/** About as many bytes as one opt-out adds to the ledger's log. */
const SYNCED_BYTES = 4_096;
const SYNCS = 1_000;

/** How long an opt-out waits for its acknowledgement, disk included, beside what one sync takes at the same time. */
export async function measureRevoke(bench: Bench, rig: Askable): Promise<readonly Figure[]> {
  const people = peopleInTurn(rig);
  const revoke = (writers: keyof typeof WRITERS) => () =>
    revokeAtOnce(rig, people, WRITERS[writers], bench.amount(REVOCATIONS[writers]));
  const sync = async () => {
    const work = {
      file: join(bench.dir, 'floor.bin'),
      bytes: Buffer.alloc(SYNCED_BYTES, 'x'),
      times: bench.amount(SYNCS),
    };
    return { p99Ms: percentile(writeAndSync({ ...work, allocated: true }).latenciesMs, 0.99) };
  };
  const { disk, one, many } = await interleave<'disk' | 'one' | 'many', { readonly p99Ms: number }>(
    { disk: sync, one: revoke('one'), many: revoke('many') },
    bench.rounds('revocation', { warmUps: 1 }),
  );
  await requireRevoked(rig, people.asked());
  const floors = series(disk, 'p99Ms');
  return [
    figureOf('one', one as readonly HttpSample[], floors),
    figureOf('many', many as readonly HttpSample[], floors),
  ];
}

function figureOf(writers: keyof typeof WRITERS, samples: readonly HttpSample[], floors: readonly number[]): Figure {
  return {
    what: `revocation acknowledged over HTTP, p99, ${WRITERS[writers]} writer${writers === 'one' ? '' : 's'}`,
    unit: 'ms',
    values: series(samples, 'p99Ms'),
    floor: { what: 'p99 of one `fdatasync`', values: floors },
    goal: { of: 'value', atMost: GOALS_MS[writers] },
    also: {
      'revocations a second': median(series(samples, 'perSecond')),
      'µs CPU each': median(series(samples, 'cpuUs')),
    },
  };
}

/** Everybody says stop once before anybody says it again. */
export function peopleInTurn(rig: Askable) {
  let next = 0;
  return { take: () => shuffled(next++, rig.people), asked: () => Math.min(next, rig.people) };
}

export function revokeAtOnce(
  rig: Askable,
  people: { take: () => number },
  connections: number,
  requests: number,
): Promise<HttpSample> {
  const path = `/v1/businesses/${BUSINESS}/revocations`;
  const request = () => {
    const recipient = { phone: phoneOf(people.take()) };
    const body = JSON.stringify({ recipient, channels: [TOPIC.channel], method: 'preference_page' });
    return requestOf({ method: 'POST', path, key: rig.key, body });
  };
  return underLoad(rig, { connections, requests, request, accept: acceptRevoked });
}

function acceptRevoked(_n: number, { status, body }: RawResponse): void {
  const text = body.toString('latin1');
  if (status === 201 && text.includes('"type":"ConsentRevoked"')) return;
  throw new Error(`a revocation was answered ${status}: ${text}`);
}

/** Whoever was acknowledged must be answered no: a fast acknowledgement of nothing would be the worst result of all. */
export async function requireRevoked(rig: Askable, asked: number): Promise<void> {
  const query = `channel=${TOPIC.channel}&purpose=${TOPIC.purpose}`;
  const ids = Array.from({ length: asked }, (_, n) => rig.recipientIds[shuffled(n, rig.people)] as string);
  await underLoad(rig, {
    connections: 16,
    requests: asked,
    request: (n) => {
      const path = `/v1/businesses/${BUSINESS}/recipients/${ids[n]}/eligibility?${query}`;
      return requestOf({ method: 'GET', path, key: rig.key });
    },
    accept: (n, { body }) => {
      if (!body.toString('latin1').includes('"reason":"REVOKED"')) throw new Error(`${ids[n]} was revoked and is not`);
    },
  });
}
