import { cpSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  StoreUnavailable,
  follow,
  hasReached,
  openEventStoreDb,
  type EventStoreDb,
  type NewEvent,
  type Position,
} from '#event-store';
import { until } from '../faults/until.js';
import { Relay } from './relay.js';
import { EventStoreProcess } from './server-process.js';
import { newEvent } from './writers.js';

const FORWARDS = 0;

let leader: EventStoreProcess;
/** Has everything up to a moment, and was cut off from the others then: it still takes itself for the leader. */
let stale: EventStoreProcess;
let relay: Relay;
let store: EventStoreDb;

beforeEach(async () => {
  leader = await EventStoreProcess.launch();
  const first = await openEventStoreDb({ url: leader.url });
  for (let n = 0; n < 5; n += 1) await first.append(`consent-${n}`, [newEvent()], 'none');
  await first.close();
  await leader.stop();
  stale = new EventStoreProcess();
  cpSync(leader.dataDir, stale.dataDir, { recursive: true });
  await Promise.all([leader.start(), stale.start()]);
  relay = await Relay.before(leader);
  store = await openEventStoreDb({ url: relay.url, timeouts: { readMs: 300 } });
});
afterEach(async () => {
  await store.close();
  await relay.close();
  await Promise.all([leader.remove(), stale.remove()]);
});

const errorOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(() => undefined).catch((error: unknown) => error);

describe('a leader that was cut off, and to which the connection moves', () => {
  it.each([
    ['everything', []],
    ['a category', ['consent-']],
    ['a category in which nothing happens', ['business-']],
  ])('never makes a follower of %s pass what it was not given', async (_what, prefixes) => {
    let position: Position | undefined;
    const seen: string[] = [];
    const follower = follow({
      store,
      name: 'seen',
      ...(prefixes.length > 0 ? { prefixes } : {}),
      from: async () => position,
      handle: async (delivery) => {
        seen.push(...delivery.events.map(({ id }) => id));
        position = delivery.position;
      },
    });
    const reached = (wanted: Position) => () => (position && hasReached(position, wanted) ? true : undefined);
    await until('the follower stands at the end', reached(await store.head()));
    // The pages are stuck, so that the move comes between the answer to an append and the page that would bring it.
    relay.habits.isSilent = (request) => {
      const options = request.getOptions();
      return options !== undefined && !options.hasSubscription() && Number(options.getReadDirection()) === FORWARDS;
    };
    const [stop, later] = [newEvent('ConsentRevoked'), newEvent()];
    const stopped = await store.append('consent-stop', [stop], 'none');
    const { reads } = relay;
    relay.habits = {};
    relay.moveTo(stale);
    await until('pages were asked of the stale one', () => (relay.reads > reads + 5 ? true : undefined));
    expect(hasReached(position as unknown as Position, stopped.position)).toBe(false);
    expect(await errorOf(store.head())).toMatchObject({ message: expect.stringMatching(/lacks events/) });
    relay.moveTo(leader);
    const last = await store.append('consent-later', [later], 'none');
    await until('the follower has passed it', reached(last.position));
    const wanted = prefixes[0] === 'business-' ? [] : [stop.id, later.id];
    expect(seen.slice(-2)).toEqual(wanted);
    await follower.stop();
  });

  it('is refused by every page, by the head and by every stream', async () => {
    await store.append('consent-stop', [newEvent()], 'none');
    relay.moveTo(stale);
    for (const prefixes of [undefined, ['consent-'], ['business-']]) {
      const refused = await errorOf(store.readAll({ limit: 100, ...(prefixes && { prefixes }) }));
      expect(refused).toBeInstanceOf(StoreUnavailable);
      expect(String(refused)).toMatch(/lacks events that another has committed/);
    }
    expect(await errorOf(store.head())).toBeInstanceOf(StoreUnavailable);
    expect(await errorOf(store.readStream('consent-stop', { limit: 1 }))).toBeInstanceOf(StoreUnavailable);
    relay.moveTo(leader);
    expect(await store.readStream('consent-stop', { limit: 1 })).toHaveLength(1);
    expect((await store.readAll({ limit: 100 })).events).toHaveLength(6);
  });

  it.each<[string, (events: readonly NewEvent[]) => Promise<unknown>]>([
    ['was only read here', () => store.readStream('consent-stop', { limit: 9 })],
    ['was acknowledged as a repeat', (events) => store.append('consent-stop', events, 'any')],
  ])('is refused too where what it lacks %s', async (_what, learn) => {
    const other = await openEventStoreDb({ url: leader.url });
    const events = [newEvent('ConsentRevoked'), newEvent('ConsentRevoked')];
    await other.append('consent-stop', events, 'none');
    await other.close();
    await learn(events);
    relay.moveTo(stale);
    expect(await errorOf(store.head())).toBeInstanceOf(StoreUnavailable);
    expect(await errorOf(store.readStream('consent-stop', { limit: 9 }))).toBeInstanceOf(StoreUnavailable);
  });
});
