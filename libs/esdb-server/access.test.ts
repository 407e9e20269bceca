import { once } from 'node:events';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  AccessDeniedError,
  CancelledError,
  EventStoreDBClient,
  jsonEvent,
  persistentSubscriptionToAllSettingsFromDefaults,
  persistentSubscriptionToStreamSettingsFromDefaults,
  UnsupportedError,
} from '@eventstore/db-client';
import { openOwnCertificate } from './own-certificate.js';
import { all, anEvent, Serving } from './serving-contract.js';

let serving: Serving;

beforeEach(() => {
  serving = new Serving();
});

afterEach(async () => {
  await serving.remove();
});

const EVENT = jsonEvent({ type: 'ConsentGranted', data: {} });

describe('a server with passwords, over its own certificate', () => {
  const passwords = new Map([['auditor', 'secret']]);
  let tls: string;

  beforeEach(async () => {
    passwords.set('auditor', 'secret');
    const certificate = await openOwnCertificate({ dataDir: serving.dataDir, now: new Date() });
    const authorize = async (user: string, password: string) => passwords.get(user) === password;
    await serving.start({ writable: false, tls: certificate, authorize, limits: { reverifyMs: 20 } });
    await serving.store.append('consent-1', [anEvent()], 'none');
    tls = `tls=true&tlsCAFile=${certificate.caFile}`;
  });

  it('lets in who has the password, over the address he has found it by', async () => {
    expect(await all(serving.client(tls, 'auditor:secret@').readAll())).toHaveLength(1);
    const url = `esdb+discover://auditor:secret@localhost:${serving.server.port}?${tls}`;
    const discovering = EventStoreDBClient.connectionString(url);
    expect(await all(discovering.readAll())).toHaveLength(1);
    await discovering.dispose();
  });

  it.each([['auditor:wrong@'], ['nobody:secret@'], ['']])('keeps out %s', async (user) => {
    const client = serving.client(tls, user);
    await expect(all(client.readAll())).rejects.toThrow(AccessDeniedError);
    await expect(client.appendToStream('consent-1', EVENT)).rejects.toThrow(AccessDeniedError);
    const [error] = (await once(client.subscribeToAll(), 'error')) as [Error];
    expect(error).toBeInstanceOf(AccessDeniedError);
  });

  it('ends a subscription whose password has ceased to hold', async () => {
    const subscription = serving.client(tls, 'auditor:secret@').subscribeToAll();
    await once(subscription, 'caughtUp');
    const ended = once(subscription, 'error') as Promise<[Error]>;
    passwords.delete('auditor');
    expect((await ended)[0]).toBeInstanceOf(AccessDeniedError);
  });

  it('writes for nobody where it is for reading only', async () => {
    const client = serving.client(tls, 'auditor:secret@');
    await expect(client.appendToStream('consent-1', EVENT)).rejects.toThrow(AccessDeniedError);
    const slowly = client.appendToStream('consent-1', EVENT, {
      credentials: { username: 'auditor', password: 'secret' },
    });
    await expect(slowly).rejects.toThrow(AccessDeniedError);
    await expect(client.deleteStream('consent-1')).rejects.toThrow(AccessDeniedError);
    await expect(client.tombstoneStream('consent-1')).rejects.toThrow(AccessDeniedError);
    await expect(client.setStreamMetadata('consent-1', {})).rejects.toThrow(AccessDeniedError);
    expect(await all(client.readStream('consent-1'))).toHaveLength(1);
    expect((await client.getStreamMetadata('system-ledger')).metadata).toEqual({
      consentLedgerId: serving.store.ledgerId,
    });
  });
});

describe('what the server does not do', () => {
  it('is said in the way that clients understand', async () => {
    await serving.start();
    const client = serving.client();
    const forStream = persistentSubscriptionToStreamSettingsFromDefaults();
    const unimplemented = { code: 12 };
    const made = client.createPersistentSubscriptionToStream('consent-1', 'group', forStream);
    await expect(made).rejects.toMatchObject(unimplemented);
    const forAll = client.createPersistentSubscriptionToAll('group', persistentSubscriptionToAllSettingsFromDefaults());
    await expect(forAll).rejects.toThrow(UnsupportedError);
    await expect(client.listAllPersistentSubscriptions()).rejects.toMatchObject(unimplemented);
    const info = client.getPersistentSubscriptionToStreamInfo('consent-1', 'group');
    await expect(info).rejects.toMatchObject(unimplemented);
    await expect(client.deletePersistentSubscriptionToStream('consent-1', 'group')).rejects.toMatchObject(
      unimplemented,
    );
    await expect(client.listProjections()).rejects.toMatchObject(unimplemented);
    expect(serving.mistakes).toEqual([]);
  });
});

describe('limits', () => {
  const overloaded = { code: 8 };

  it('holds the number of subscriptions, and counts those that are gone', async () => {
    await serving.start({ limits: { subscriptions: 1 } });
    const client = serving.client();
    const first = client.subscribeToAll();
    await once(first, 'caughtUp');
    const [refused] = (await once(client.subscribeToAll(), 'error')) as [Error];
    expect(refused).toMatchObject(overloaded);
    await first.unsubscribe();
    for (let place = false; !place;) {
      const next = client.subscribeToAll();
      place = await Promise.race([once(next, 'caughtUp').then(() => true), once(next, 'error').then(() => false)]);
      if (place) await next.unsubscribe();
    }
  });

  it('holds the number of calls', async () => {
    await serving.start({ limits: { calls: 1 } });
    const client = serving.client();
    const subscription = client.subscribeToAll();
    await once(subscription, 'caughtUp');
    await expect(all(client.readAll())).rejects.toMatchObject(overloaded);
    await subscription.unsubscribe();
  });

  it('holds the size of a message', async () => {
    await serving.start({ limits: { messageBytes: 1_000 } });
    const large = jsonEvent({ type: 'T', data: 'x'.repeat(2_000) });
    await expect(serving.client().appendToStream('consent-1', large)).rejects.toMatchObject(overloaded);
  });

  it('answers every append of a batch that is held back', async () => {
    await serving.start({ limits: { batchedAppends: 2 } });
    const client = serving.client();
    const appends = Array.from({ length: 200 }, (_, n) => client.appendToStream(`consent-${n}`, EVENT));
    expect(await Promise.all(appends)).toHaveLength(200);
  });

  it('lets slow subscribers hold no more than a little', async () => {
    await serving.start();
    const filling = Array.from({ length: 300 }, (_, n) => {
      const event = { ...anEvent(), data: Buffer.alloc(200_000, 'x') };
      return serving.store.append(`consent-${n}`, [event], 'none');
    });
    await Promise.all(filling);
    const before = bytesInBuffers();
    const slow = Array.from({ length: 8 }, () => serving.client().subscribeToAll({}, { highWaterMark: 1 }));
    for (const one of slow) one.on('error', (error: Error) => expect(error).toBeInstanceOf(CancelledError));
    await Promise.all(slow.map((one) => once(one, 'confirmation')));
    // A reader beside them is served to the end, so they have had all the time that they could have used.
    expect(await all(serving.client().readAll())).toHaveLength(300);
    // Each would hold 60 MB if the server sent what nobody takes, and the clients are in this process too.
    expect(bytesInBuffers() - before).toBeLessThan(150_000_000);
    await Promise.all(slow.map((one) => one.unsubscribe()));
  });
});

const bytesInBuffers = () => process.memoryUsage().arrayBuffers;
