import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { writeEvent, type NewEvent } from '#event-store';
import { systemClock } from '#platform';
import { newDataDirectory, removeDataDirectories } from '../faults/data-directory.js';
import { FULL, chance, figure } from '../faults/full.js';
import { until } from '../faults/until.js';
import { businessOf } from '../http/support/acme.js';
import { must, registerAcme } from '../support/client.js';
import { killLaunched, launchService, type ServiceProcess } from '../support/process.js';
import { startTestService } from '../support/service.js';
import { EventSource } from './event-source.js';

const KILLS = FULL ? 20 : 3;
const IDLE = FULL ? 10_000 : 1_000;
/** What one watcher who is told nothing may cost the service, connection and all. */
const IDLE_KIB = 64;

const random = chance('the feed');

afterEach(async () => {
  await killLaunched();
  removeDataDirectories();
});

/** Opt-outs from several callers at once, until told to stop; what was acknowledged is kept. */
class Revoking {
  readonly acknowledged = new Map<string, string>();
  private isOver = false;
  private people = 0;

  async run(service: ServiceProcess): Promise<void> {
    this.isOver = false;
    await Promise.all(Array.from({ length: 4 }, () => this.caller(service)));
  }

  stop(): void {
    this.isOver = true;
  }

  private async caller(service: ServiceProcess): Promise<void> {
    while (!this.isOver) {
      const phone = `+39333${String(2_000_000 + this.people++)}`;
      const answer = await businessOf(service)
        .revoke({ recipient: { phone } })
        .catch(() => undefined);
      if (answer?.status !== 201) return;
      this.acknowledged.set(String(answer.body.eventId), String(answer.body.position));
    }
  }
}

it(
  'kill -9 again and again: who resumes by Last-Event-ID has been told every change, once and in order',
  async () => {
    const dataDir = newDataDirectory();
    const revoking = new Revoking();
    const ids: string[] = [];
    const positions: string[] = [];
    let lastEventId = 'start';
    const resume = async (service: ServiceProcess) =>
      EventSource.open(service, lastEventId === 'start' ? { from: 'start' } : { lastEventId });
    const take = (source: EventSource) => {
      ids.push(...source.changes.map(({ data }) => String(data.eventId)));
      positions.push(...source.changes.map(({ id }) => String(id)));
      lastEventId = source.lastId ?? lastEventId;
    };
    for (let kill = 0; kill < KILLS; kill += 1) {
      const service = await launchService(dataDir);
      if (kill === 0) await registerAcme(service);
      const writing = revoking.run(service);
      const source = await resume(service);
      await source.untilChanges(random.between(1, 60));
      await service.process.kill('SIGKILL');
      await source.ended;
      await writing;
      take(source);
    }
    const service = await launchService(dataDir);
    const source = await resume(service);
    await source.until('a proof', ({ data }) => data.at !== undefined);
    source.close();
    take(source);
    expect([...revoking.acknowledged.keys()].filter((id) => !ids.includes(id))).toEqual([]);
    expect(new Set(ids).size).toBe(ids.length);
    const depths = positions.map((position) => Number(position.split('.')[1]));
    expect(depths).toEqual([...depths].sort((a, b) => a - b));
    expect(ids.length).toBeGreaterThanOrEqual(KILLS);
    figure(
      `feed: ${KILLS} kills, ${revoking.acknowledged.size} opt-outs acknowledged, ${ids.length} changes told once`,
    );
  },
  FULL ? 300_000 : 180_000,
);

it('a consumer that does not read is cut off, told where to go on, and misses nothing', async () => {
  const service = await startTestService({ clock: systemClock, env: { FEED_BUFFER_EVENTS: '50' } });
  await registerAcme(service);
  const { store } = service.running.parts;
  const slow = await EventSource.open(service);
  const quick = await EventSource.open(service);
  await slow.until('a watermark', () => true);
  slow.response.pause();
  const events = Array.from({ length: 400 }, bigGrant);
  for (let at = 0; at < 400; at += 10) await store.append('consent-big', events.slice(at, at + 10), 'any');
  const { feed } = service.running.parts;
  await until('it is cut off', () => (feed.status().cutOff === 1 ? true : undefined));
  await quick.untilChanges(400);
  slow.response.resume();
  const end = await slow.until('the end', ({ event }) => event === 'end');
  expect(end.data).toMatchObject({ code: 'OVERLOADED', position: slow.lastId });
  expect(slow.changes.length).toBeLessThan(400);
  const again = await EventSource.open(service, { lastEventId: slow.lastId ?? '' });
  await again.untilChanges(400 - slow.changes.length);
  const told = [...slow.changes, ...again.changes].map(({ data }) => data.eventId);
  expect(told).toEqual(events.map(({ id }) => id));
  for (const source of [quick, again]) source.close();
  await service.stop();
});

let made = 0;
/** Big enough that some of them fill what the network holds: a kernel keeps megabytes for a reader. */
function bigGrant(): NewEvent {
  made += 1;
  const id = `00000000-0000-4000-8000-${String(made).padStart(12, '0')}`;
  const now = new Date().toISOString();
  const purposes = [...'abcdefghij'].map((letter) => letter.repeat(5_000));
  const data = { businessId: 'acme', occurredAt: now, channels: ['sms'], purposes, method: 'api' };
  const trail = { $correlationId: id, $causationId: id, commandId: id, actor: 'system', schema: 1 };
  return writeEvent(id, 'ConsentGranted', data, { ...trail, occurredAt: now, recordedAt: now });
}

describe('idle watchers', () => {
  it(
    `cost little: ${IDLE} of them, and a change reaches each`,
    async () => {
      const service = await launchService(newDataDirectory(), { env: { FEED_WATCHERS_MAX: String(IDLE) } });
      await registerAcme(service);
      const before = rssKib(service);
      const sockets: Socket[] = [];
      const heard = { watermarks: 0, changes: 0 };
      for (let opened = 0; opened < IDLE; opened += 100) {
        const some = await Promise.all(Array.from({ length: 100 }, () => idle(service, heard)));
        sockets.push(...some);
        await until('they all watch', () => (heard.watermarks >= sockets.length ? true : undefined));
      }
      const rounds = heard.watermarks;
      await until('each has been told how far it is, thrice', () =>
        heard.watermarks >= rounds + 3 * IDLE ? true : undefined,
      );
      const kib = (rssKib(service) - before) / IDLE;
      expect(kib).toBeLessThan(IDLE_KIB);
      await must(businessOf(service).revoke({ recipient: { phone: '+393331400001' } }));
      await until('each has been told', () => (heard.changes === IDLE ? true : undefined));
      const beganMs = performance.now();
      await service.process.kill('SIGTERM');
      expect(performance.now() - beganMs).toBeLessThan(10_000);
      for (const socket of sockets) socket.destroy();
      figure(`idle watchers: ${IDLE}, ${kib.toFixed(1)} KiB each`);
    },
    FULL ? 300_000 : 120_000,
  );
});

/** A consumer that costs this process as little as can be: it counts words. */
async function idle(service: ServiceProcess, heard: { watermarks: number; changes: number }): Promise<Socket> {
  const { hostname, port } = new URL(service.base);
  const socket = connect(Number(port), hostname);
  await once(socket, 'connect');
  socket.on('error', () => undefined);
  socket.on('data', (bytes: Buffer) => {
    const text = bytes.toString('latin1');
    heard.watermarks += text.split('event: watermark').length - 1;
    heard.changes += text.split('event: change').length - 1;
  });
  const head = ['GET /v1/businesses/acme/changes HTTP/1.1', 'host: x', `authorization: Bearer ${service.adminKey}`];
  socket.write([...head, '', ''].join('\r\n'));
  return socket;
}

function rssKib({ process: { pid } }: ServiceProcess): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}
