import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo, type Server as NetServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { openOwnCertificate, serveEventStore, type EventStoreServer } from '#esdb-server';
import { StoreUnavailable, openEventStoreDb, openSqliteStore, type SqliteStore } from '#event-store';
import { newEvent } from './writers.js';

const PASSWORD = 'right-secret';
const timeouts = { openMs: 1_000, appendMs: 1_000 };

let directory: string;
let ledger: SqliteStore;
let secured: EventStoreServer;
let caFile: string;
const listeners: NetServer[] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'opening-'));
  ledger = await openSqliteStore({ dataDir: join(directory, 'ledger'), diskReserveMb: 0 });
  const own = await openOwnCertificate({ dataDir: directory, now: new Date() });
  caFile = own.caFile;
  secured = await serveEventStore({
    store: ledger,
    listen: { host: '127.0.0.1', port: 0 },
    writable: true,
    dataDir: join(directory, 'ledger'),
    tls: { cert: own.cert, key: own.key },
    authorize: async (_user, password) => password === PASSWORD,
  });
});
afterEach(() => {
  for (const listener of listeners.splice(0)) listener.close();
});
afterAll(async () => {
  await secured.close();
  await ledger.close();
  rmSync(directory, { recursive: true });
});

const securedUrl = (credentials: string, trust = `&tlsCAFile=${encodeURIComponent(caFile)}`) =>
  `esdb://${credentials}127.0.0.1:${secured.port}?tls=true${trust}`;

async function refusalOf(url: string): Promise<string> {
  const refused: unknown = await openEventStoreDb({ url, timeouts }).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(StoreUnavailable);
  return String((refused as Error).message);
}

/** A port on which nothing answers: it was free a moment ago. */
async function deadPort(): Promise<number> {
  const listener = createServer();
  const port = await listenOn(listener);
  await new Promise((resolve) => listener.close(resolve));
  return port;
}

function listenOn(listener: NetServer): Promise<number> {
  return new Promise((resolve) =>
    listener.listen(0, '127.0.0.1', () => resolve((listener.address() as AddressInfo).port)),
  );
}

describe('a server with TLS and passwords', () => {
  it('is a ledger like any other, with the ids of the one behind it', async () => {
    const store = await openEventStoreDb({ url: securedUrl(`key:${PASSWORD}@`), timeouts });
    const appended = await store.append('consent-a', [newEvent()], 'none');
    expect([store.ledgerId, await store.head()]).toEqual([ledger.ledgerId, appended.position]);
    expect(await ledger.head()).toBe(appended.position);
    await store.close();
  });

  it.each([
    ['a wrong password', 'key:wrong-secret@'],
    ['no password', ''],
  ])('refuses %s', async (_what, credentials) => {
    const said = await refusalOf(securedUrl(credentials));
    expect(said).toMatch(/^EventStoreDB refuses access/);
    expect(said).not.toMatch(/secret|127/);
  });

  it('is not trusted without its CA', async () => {
    expect(await refusalOf(securedUrl(`key:${PASSWORD}@`, ''))).toMatch(/certificate of EventStoreDB is not trusted/);
  });
});

describe('a place where no EventStoreDB is', () => {
  it('nothing listens there', async () => {
    expect(await refusalOf(`esdb://u:secret@127.0.0.1:${await deadPort()}?tls=false`)).toBe(
      'EventStoreDB cannot be reached (tried for 1 s)',
    );
  });

  it('the host is not known', async () => {
    expect(await refusalOf('esdb://no-such-host.invalid:2113?tls=false')).toMatch(/host name .* is not known|reached/);
  });

  it('no node of a cluster answers', async () => {
    const url = `esdb://127.0.0.1:${await deadPort()},127.0.0.1:${await deadPort()}?tls=false&maxDiscoverAttempts=2`;
    expect(await refusalOf(url)).toMatch(/no node of the EventStoreDB cluster answers/);
  });

  it('something takes connections and says nothing', async () => {
    const silent = createServer((socket) => socket.resume());
    listeners.push(silent);
    expect(await refusalOf(`esdb://127.0.0.1:${await listenOn(silent)}?tls=false`)).toMatch(/does not answer/);
  });

  it('something else speaks there', async () => {
    const other = createServer((socket) =>
      socket
        .on('error', () => undefined)
        .resume()
        .end('SSH-2.0-OpenSSH_9.6\r\n'),
    );
    listeners.push(other);
    const port = await listenOn(other);
    expect(await refusalOf(`esdb://127.0.0.1:${port}?tls=false`)).toMatch(/EventStoreDB/);
    expect(await refusalOf(`esdb://127.0.0.1:${port}?tls=true`)).toMatch(/does not speak TLS|cannot be reached/);
  });
});

describe('a connection string that cannot be read', () => {
  it.each([
    ['another protocol', 'http://user:secret@host:2113'],
    ['no host', 'esdb://user:secret@'],
    ['an option that is not known', 'esdb://user:secret@host:2113?tlsVerifyCert=false'],
    ['a value that is not known', 'esdb://user:secret@host:2113?tls=perhaps-secret'],
    ['a missing certificate', 'esdb://user:secret@host:2113?tlsCAFile=/no/such/secret.pem'],
  ])('%s is refused at once, and nowhere repeated', async (_what, url) => {
    const printed = jest.spyOn(console, 'warn').mockImplementation(() => undefined);
    const refused: unknown = await openEventStoreDb({ url }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(RangeError);
    expect(String(refused)).not.toMatch(/secret/);
    expect(printed).not.toHaveBeenCalled();
    printed.mockRestore();
  });
});
