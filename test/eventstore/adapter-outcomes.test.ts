import { randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import { StoreUnavailable, openEventStoreDb, type EventStoreDb } from '#event-store';
import { until } from '../faults/until.js';
import { once, refusing } from './answers.js';
import { Relay } from './relay.js';
import { EventStoreProcess } from './server-process.js';
import { newEvent } from './writers.js';

let server: EventStoreProcess;
let relay: Relay;
let store: EventStoreDb;

beforeAll(async () => {
  server = await EventStoreProcess.launch();
});
afterAll(() => server.remove());
beforeEach(async () => {
  relay = await Relay.before(server);
  store = await openEventStoreDb({ url: relay.url, timeouts: { appendMs: 2_000, silenceMs: 300 } });
});
afterEach(async () => {
  relay.habits = {};
  await store.close();
  await relay.close();
});

const stream = () => `consent-${randomUUID()}`;

describe('an append whose outcome nobody was told', () => {
  it('is looked for by the one of the same id that waited for it', async () => {
    relay.habits.answer = refusing('event_store.client.AccessDenied', new shared.AccessDenied());
    const name = stream();
    const event = newEvent();
    const [first, second] = await Promise.allSettled([
      store.append(name, [event], 'any'),
      store.append(name, [event], 'any'),
    ]);
    expect(first).toMatchObject({ status: 'rejected', reason: expect.any(StoreUnavailable) });
    expect(second).toMatchObject({ status: 'fulfilled', value: { revision: '0', replayed: true } });
    expect(relay.appends).toBe(1);
  });

  it.each([
    ['one event, whatever the revision', 1, 'any'],
    ['several, of which a server would take some a second time', 2, '0'],
  ] as const)('is found by its own next attempt, and is no repeat of anything: %s', async (_what, count, expected) => {
    const name = stream();
    await store.append(name, [newEvent()], 'none');
    const { appends } = relay;
    relay.habits.answer = once(refusing('event_store.client.Timeout', new shared.Timeout()));
    const events = Array.from({ length: count }, () => newEvent());
    const appended = await store.append(name, events, expected);
    expect(appended).toMatchObject({ revision: String(count), replayed: false });
    expect(await store.append(name, events, expected)).toEqual({ ...appended, replayed: true });
    expect(relay.appends).toBe(appends + (expected === 'any' ? 2 : 1));
  });

  it('is a repeat to its own next attempt where another process has written it with other words', async () => {
    const name = stream();
    const event = newEvent();
    const other = await openEventStoreDb({ url: server.url });
    const words = { ...event, data: Buffer.from('{"n":2}') };
    let [refused, isThere] = [0, false];
    relay.habits.refuse = () => {
      refused += 1;
      return isThere ? undefined : { code: status.UNAVAILABLE, details: 'Server Is Not Ready' };
    };
    const appending = store.append(name, [event], 'any');
    await until('it was refused', () => (refused > 0 ? true : undefined));
    const written = await other.append(name, [words], 'any');
    isThere = true;
    expect(await appending).toEqual({ ...written, replayed: true });
    await other.close();
  });

  it('is not sent once more when its time is over, though it has not been found by then', async () => {
    const hasty = await openEventStoreDb({ url: relay.url, timeouts: { appendMs: 300, silenceMs: 10_000 } });
    relay.habits.answer = once(refusing('event_store.client.Timeout', new shared.Timeout()));
    relay.habits.isSilent = (request) => request.getOptions()?.hasStream() ?? false;
    await expect(hasty.append(stream(), [newEvent()], 'any')).rejects.toThrow(StoreUnavailable);
    await hasty.append(stream(), [newEvent()], 'none');
    expect(relay.appends).toBe(2);
    await hasty.close();
  });
});
