import { randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import type streams from '@eventstore/db-client/generated/streams_pb.js';
import empty from 'google-protobuf/google/protobuf/empty_pb.js';
import { RevisionConflict, StoreUnavailable, hasReached, openEventStoreDb, type EventStoreDb } from '#event-store';
import { until } from '../faults/until.js';
import { once, refusing } from './answers.js';
import { Relay, notLeader } from './relay.js';
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

const isLive = (request: streams.ReadReq) => request.getOptions()?.hasSubscription() ?? false;
const stream = () => `consent-${randomUUID()}`;

describe('a node that does not lead', () => {
  it('sends us to the leader, for reads and for appends', async () => {
    relay.habits.refuse = () => notLeader(server);
    const name = stream();
    await expect(store.append(name, [newEvent()], 'none')).resolves.toMatchObject({ revision: '0' });
    const { reads, appends } = relay;
    await store.append(name, [newEvent()], '0');
    expect(await store.readStream(name, { limit: 10 })).toHaveLength(2);
    expect([relay.reads, relay.appends]).toEqual([reads, appends]);
  });

  it('may not know who does, while there is an election', async () => {
    let refused = 0;
    relay.habits.refuse = () =>
      (refused += 1) > 3 ? undefined : { code: status.UNKNOWN, details: 'No leader info available in response' };
    await expect(store.append(stream(), [newEvent()], 'none')).resolves.toMatchObject({ revision: '0' });
    expect(refused).toBeGreaterThan(3);
  });
});

describe('a server that is not ready', () => {
  it.each([
    ['says so in words', 'google.protobuf.Empty', new empty.Empty()],
    ['does not commit in time', 'event_store.client.Timeout', new shared.Timeout()],
    ['fails without a reason', 'event_store.client.Unknown', new shared.Unknown()],
  ])('and %s is asked again, and has the event once', async (_what, type, details) => {
    relay.habits.answer = once(refusing(type, details));
    const name = stream();
    const event = newEvent();
    await expect(store.append(name, [event], 'none')).resolves.toMatchObject({ revision: '0' });
    expect((await store.readStream(name, { limit: 10 })).map(({ id }) => id)).toEqual([event.id]);
  });

  it('may refuse calls as unavailable without its connection being lost', async () => {
    let refused = 0;
    relay.habits.refuse = () =>
      (refused += 1) > 2 ? undefined : { code: status.UNAVAILABLE, details: 'Server Is Not Ready' };
    await expect(store.head()).resolves.toMatch(/\.\d+$/);
    expect(store.status()).toMatchObject({ writable: true });
  });
});

describe('an access list that lets us read and not append', () => {
  it('is said at once and shown by the health, until it is changed', async () => {
    relay.habits.answer = refusing('event_store.client.AccessDenied', new shared.AccessDenied());
    const refused: unknown = await store.append(stream(), [newEvent()], 'any').catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(StoreUnavailable);
    expect(relay.appends).toBe(1);
    await store.head();
    expect(store.status()).toMatchObject({ writable: false, problem: expect.stringMatching(/refuses access/) });
    relay.habits = {};
    await store.append(stream(), [newEvent()], 'any');
    expect(store.status()).toMatchObject({ writable: true });
  });
});

describe('an access list that was changed while nobody sent an append', () => {
  it('is tried again, because health does not call the ledger closed for ever', async () => {
    const refused = await openEventStoreDb({ url: relay.url, timeouts: { refusalMs: 200 } });
    relay.habits.answer = refusing('event_store.client.AccessDenied', new shared.AccessDenied());
    await expect(refused.append(stream(), [newEvent()], 'any')).rejects.toThrow(StoreUnavailable);
    expect(refused.status()).toMatchObject({ writable: false });
    await until('it may be asked again', () => (refused.status().writable ? true : undefined));
    await refused.close();
  });
});

describe('a server that does not know the place of a repeat', () => {
  const forgetful = (answer: streams.BatchAppendResp) => {
    answer.getSuccess()?.setNoPosition(new empty.Empty());
    return answer;
  };

  it('has it read back, of a first time as of a repeat', async () => {
    relay.habits.answer = forgetful;
    const name = stream();
    const event = newEvent();
    const first = await store.append(name, [event], 'none');
    const [kept] = await store.readStream(name, { limit: 1 });
    expect(first).toEqual({ revision: '0', position: kept?.position, replayed: false });
    await store.append(name, [newEvent()], '0');
    expect(await store.append(name, [event], 'none')).toEqual({ ...first, replayed: true });
  });
});

describe('a server that tells no places of the events of a stream, as those before 22.6', () => {
  const NO_PLACE = '18446744073709551615';
  const placeless = (read: streams.ReadResp) => {
    const event = read.getEvent()?.getEvent();
    event?.setCommitPosition(NO_PLACE);
    event?.setPreparePosition(NO_PLACE);
    return read;
  };

  it('is refused by name of the version, and nothing is taken for a place', async () => {
    const name = stream();
    await store.append(name, [newEvent()], 'none');
    const before = await store.head();
    relay.habits.event = (read, request) => (request.getOptions()?.hasStream() ? placeless(read) : read);
    await expect(openEventStoreDb({ url: relay.url })).rejects.toThrow(/version 22\.6 or newer/);
    await expect(store.readStream(name, { limit: 1 })).rejects.toThrow(/version 22\.6 or newer/);
    await expect(store.append(name, [newEvent(), newEvent()], '0')).rejects.toThrow(StoreUnavailable);
    expect(await store.head()).toBe(before);
    const last = await store.append(name, [newEvent()], '0');
    expect(await store.readAll({ from: before, limit: 10 })).toMatchObject({ position: last.position, atEnd: true });
  });

  it('is refused where even the whole ledger has none', async () => {
    await store.append(stream(), [newEvent()], 'none');
    relay.habits.event = placeless;
    await expect(store.head()).rejects.toThrow(/version 22\.6 or newer/);
    await expect(store.readAll({ limit: 10 })).rejects.toThrow(StoreUnavailable);
  });
});

describe('several events, of which a server would take some a second time', () => {
  it('are looked for before they are sent', async () => {
    const name = stream();
    const [one, two, three] = [newEvent(), newEvent(), newEvent()];
    const first = await store.append(name, [one, two], 'none');
    const { appends } = relay;
    expect(await store.append(name, [one, two], '1')).toEqual({ ...first, replayed: true });
    await expect(store.append(name, [two, three], '1')).rejects.toThrow(RevisionConflict);
    await expect(store.append(name, [two, one], 'any')).rejects.toThrow(RevisionConflict);
    expect(relay.appends).toBe(appends);
  });
});

describe('a server that looks long for a rare prefix', () => {
  const looksLong = (request: streams.ReadReq) =>
    (request.getOptions()?.getFilter()?.getStreamIdentifier()?.getPrefixList().length ?? 0) > 0;

  it('is waited for once, within the time of a read and beside others that are answered, and never again', async () => {
    const patient = await openEventStoreDb({ url: relay.url, timeouts: { readMs: 400 } });
    const from = await patient.head();
    for (let n = 0; n < 3; n += 1) await patient.append(stream(), [newEvent()], 'none');
    let asked = 0;
    relay.habits.isSilent = (request) => looksLong(request) && (asked += 1) > 0;
    let isOver = false;
    const others = (async () => {
      while (!isOver) await patient.append(stream(), [newEvent()], 'none');
    })();
    for (let n = 0; n < 3; n += 1) {
      const page = await patient.readAll({ from, prefixes: ['rare-'], limit: 100 });
      expect(page.events).toEqual([]);
      expect(hasReached(page.position, from)).toBe(true);
      expect(page.position).not.toBe(from);
    }
    isOver = true;
    await others;
    expect(asked).toBe(1);
    await patient.close();
  });

  it('has a ledger that is larger than a page looks at, which goes on all the same', async () => {
    // On a busy machine nothing may come of so large a page for longer than the others take for silence.
    const patient = await openEventStoreDb({ url: relay.url, timeouts: { readMs: 40_000, silenceMs: 4_000 } });
    const from = await patient.head();
    const large = () => newEvent('ConsentGranted', Buffer.alloc(1024 * 1024, 0x61));
    const last = [];
    for (let n = 0; n < 34; n += 1) last.push(await patient.append(stream(), [large()], 'none'));
    relay.habits.isSilent = looksLong;
    const first = await patient.readAll({ from, prefixes: ['rare-'], limit: 100 });
    expect([first.position, first.atEnd]).toEqual([last[31]?.position, false]);
    const second = await patient.readAll({ from: first.position, prefixes: ['rare-'], limit: 100 });
    expect([second.events, second.position, second.atEnd]).toEqual([[], last[33]?.position, true]);
    await patient.close();
  });

  it('is given up, and the ledger is sorted out here', async () => {
    const from = await store.head();
    await store.append(stream(), [newEvent()], 'none');
    const rare = await store.append(`rare-${randomUUID()}`, [newEvent()], 'none');
    const last = await store.append(stream(), [newEvent()], 'none');
    relay.habits.isSilent = looksLong;
    const page = await store.readAll({ from, prefixes: ['rare-'], limit: 100 });
    expect(page.events.map(({ position }) => position)).toEqual([rare.position]);
    expect([page.position, page.atEnd]).toEqual([last.position, true]);
    const first = await store.readAll({ from, prefixes: ['rare-'], limit: 1 });
    expect([first.position, first.atEnd]).toEqual([rare.position, false]);
  });
});

describe('a subscription that the server drops', () => {
  it('is made again, and nothing is missed', async () => {
    const abort = new AbortController();
    const seen: string[] = [];
    const following = (async () => {
      for await (const { events } of store.subscribe({ from: await store.head(), signal: abort.signal })) {
        seen.push(...events.map(({ id }) => id));
      }
    })();
    let drops = 0;
    relay.habits.isSilent = (request) => isLive(request) && (drops += 1) <= 1;
    const other = await openEventStoreDb({ url: server.url });
    for (let n = 0; n < 5; n += 1) {
      const event = newEvent();
      await other.append(stream(), [event], 'none');
      await until('it is seen', () => (seen.includes(event.id) ? true : undefined));
    }
    expect(seen).toHaveLength(5);
    abort.abort();
    await following;
    await other.close();
  });

  it('is found out where it is silent while everything else works', async () => {
    const patient = await openEventStoreDb({ url: relay.url, timeouts: { heartbeatMs: 50 } });
    let subscriptions = 0;
    relay.habits.isSilent = (request) => isLive(request) && (subscriptions += 1) <= 2;
    const abort = new AbortController();
    const following = (async () => {
      for await (const _delivery of patient.subscribe({ signal: abort.signal }));
    })();
    await until('it is made a third time', () => (subscriptions === 3 ? true : undefined));
    abort.abort();
    await following;
    await patient.close();
  });
});
