import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  END,
  eventTypeFilter,
  START,
  StreamDeletedError,
  streamNameFilter,
  UnavailableError,
  type EventStoreDBClient,
  type Position,
} from '@eventstore/db-client';
import { anEvent, Serving } from './serving-contract.js';

let serving: Serving;
let client: EventStoreDBClient;

beforeEach(async () => {
  serving = new Serving();
  await serving.start();
  client = serving.client();
});

afterEach(async () => {
  expect(serving.mistakes).toEqual([]);
  await serving.remove();
});

const append = (stream: string, type?: string) => serving.store.append(stream, [anEvent(type)], 'any');

async function appendMany(stream: string, count: number): Promise<void> {
  for (let n = 0; n < count; n += 1) await append(stream);
}

interface Heard {
  readonly event?: { readonly streamId: string; readonly revision: bigint };
}

/** What a subscription has handed over, and a way to await it. */
function hear(subscription: NodeJS.EventEmitter) {
  const heard: string[] = [];
  subscription.on('data', ({ event }: Heard) => heard.push(`${event?.streamId} ${event?.revision}`));
  const until = async (count: number): Promise<string[]> => {
    while (heard.length < count) await once(subscription, 'data');
    return heard;
  };
  return { heard, until };
}

describe('a subscription to the whole ledger', () => {
  it('hands over the history, says that it has caught up, and goes on with what is appended', async () => {
    await appendMany('consent-1', 130);
    const subscription = client.subscribeToAll({ fromPosition: START });
    const { heard, until } = hear(subscription);
    await once(subscription, 'caughtUp');
    expect(heard).toHaveLength(130);
    await append('consent-2');
    expect((await until(131)).at(-1)).toBe('consent-2 0');
    await subscription.unsubscribe();
  });

  it('begins after the given position, and from the end with nothing', async () => {
    await appendMany('consent-1', 3);
    const after = client.subscribeToAll({ fromPosition: { commit: 2n, prepare: 2n } });
    const fromEnd = client.subscribeToAll({ fromPosition: END });
    const [some, none] = [hear(after), hear(fromEnd)];
    await Promise.all([once(after, 'caughtUp'), once(fromEnd, 'caughtUp')]);
    expect([some.heard, none.heard]).toEqual([['consent-1 2'], []]);
    await append('consent-9');
    expect(await none.until(1)).toEqual(['consent-9 0']);
    await Promise.all([after.unsubscribe(), fromEnd.unsubscribe()]);
  });

  it('picks by filter, and tells by checkpoints how far it has looked', async () => {
    await appendMany('conversation-1', 200);
    await append('consent-1');
    await appendMany('conversation-1', 100);
    const checkpoints: number[] = [];
    const checkpointReached = async (_: unknown, position: Position) => {
      checkpoints.push(Number(position.commit));
    };
    const filter = streamNameFilter({
      prefixes: ['consent-'],
      maxSearchWindow: 10,
      checkpointInterval: 5,
      checkpointReached,
    });
    const subscription = client.subscribeToAll({ fromPosition: START, filter });
    const { heard } = hear(subscription);
    await once(subscription, 'caughtUp');
    expect(heard).toEqual(['consent-1 0']);
    expect(checkpoints.at(-1)).toBe(301);
    expect([...checkpoints].sort((a, b) => a - b)).toEqual(checkpoints);
    await appendMany('conversation-1', 50);
    await append('consent-1');
    while ((checkpoints.at(-1) ?? 0) < 351) await new Promise((resolve) => setImmediate(resolve));
    await subscription.unsubscribe();
  });

  it('picks by type, also by expression', async () => {
    await append('business-1', 'SenderAdded');
    await append('consent-1', 'ConsentGranted');
    await append('consent-1', 'ConsentRevoked');
    const byPrefix = client.subscribeToAll({ filter: eventTypeFilter({ prefixes: ['Consent'] }) });
    const byRegex = client.subscribeToAll({ filter: eventTypeFilter({ regex: 'Revoked$|^Sender' }) });
    const [prefixed, matched] = [hear(byPrefix), hear(byRegex)];
    await Promise.all([once(byPrefix, 'caughtUp'), once(byRegex, 'caughtUp')]);
    expect(prefixed.heard).toEqual(['consent-1 0', 'consent-1 1']);
    expect(matched.heard).toEqual(['business-1 0', 'consent-1 1']);
    await Promise.all([byPrefix.unsubscribe(), byRegex.unsubscribe()]);
  });
});

describe('a subscription to a stream', () => {
  it('hands over its events alone, from after a revision, and those that come', async () => {
    await appendMany('consent-1', 80);
    await append('consent-11');
    const subscription = client.subscribeToStream('consent-1', { fromRevision: 9n });
    const { heard, until } = hear(subscription);
    await once(subscription, 'caughtUp');
    expect([heard.length, heard[0]]).toEqual([70, 'consent-1 10']);
    await append('consent-11');
    await append('consent-1');
    expect((await until(71)).at(-1)).toBe('consent-1 80');
    await subscription.unsubscribe();
  });

  it('waits for a stream that is not there yet', async () => {
    const subscription = client.subscribeToStream('consent-later', { fromRevision: END });
    const { until } = hear(subscription);
    await once(subscription, 'caughtUp');
    await append('consent-later');
    expect(await until(1)).toEqual(['consent-later 0']);
    await subscription.unsubscribe();
  });

  it('ends where the stream is tombstoned', async () => {
    await append('consent-1');
    await client.tombstoneStream('consent-1');
    const [error] = (await once(client.subscribeToStream('consent-1'), 'error')) as [Error];
    expect(error).toBeInstanceOf(StreamDeletedError);
  });
});

it('ends subscriptions when the server closes, with a reason to call again', async () => {
  const subscription = client.subscribeToAll();
  await once(subscription, 'caughtUp');
  const ended = once(subscription, 'error') as Promise<[Error]>;
  await serving.server.close();
  expect((await ended)[0]).toBeInstanceOf(UnavailableError);
});
