import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import {
  AccessDeniedError,
  ANY,
  BACKWARDS,
  binaryEvent,
  END,
  jsonEvent,
  MaxAppendSizeExceededError,
  NO_STREAM,
  STREAM_EXISTS,
  StreamDeletedError,
  StreamNotFoundError,
  WrongExpectedVersionError,
  type AppendExpectedRevision,
  type EventStoreDBClient,
} from '@eventstore/db-client';
import { all, anEvent, Serving } from './serving-contract.js';

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

const event = (id = randomUUID()) => jsonEvent({ id, type: 'ConsentGranted', data: { a: 1 }, metadata: { b: 2 } });

/** Credentials of its own send a call the slow way, so both ways are tried. */
const WAYS = [
  ['BatchAppend', {}],
  ['Append', { credentials: { username: 'anybody', password: 'any' } }],
] as const;

describe.each(WAYS)('%s', (_, how) => {
  const append = (stream: string, expectedRevision: AppendExpectedRevision, one = event()) =>
    client.appendToStream(stream, one, { expectedRevision, ...how });

  it('writes what the store then has, and answers where it stands', async () => {
    const result = await client.appendToStream('consent-1', [event(), event()], {
      expectedRevision: NO_STREAM,
      ...how,
    });
    expect(result).toEqual({ success: true, nextExpectedRevision: 1n, position: { commit: 2n, prepare: 2n } });
    const stored = await serving.store.readStream('consent-1', { limit: 9 });
    expect(stored.map(({ data, metadata }) => [String(data), String(metadata)])).toEqual([
      ['{"a":1}', '{"b":2}'],
      ['{"a":1}', '{"b":2}'],
    ]);
  });

  it.each<[AppendExpectedRevision, AppendExpectedRevision]>([
    [NO_STREAM, STREAM_EXISTS],
    [ANY, 7n],
  ])('tells the revision where it is not as expected (%s, %s)', async (first, second) => {
    await append('consent-1', first);
    const lost = await append('consent-1', first === ANY ? second : NO_STREAM).catch((error: unknown) => error);
    expect(lost).toBeInstanceOf(WrongExpectedVersionError);
    expect(lost).toMatchObject({ actualVersion: 0n, streamName: 'consent-1' });
    const missing = await append('consent-2', second).catch((error: unknown) => error);
    expect(missing).toMatchObject({ actualVersion: NO_STREAM, expectedVersion: second });
  });

  it('takes the same event again for the one that it has', async () => {
    const one = event();
    const first = await append('consent-1', NO_STREAM, one);
    await append('consent-1', 0n);
    expect(await append('consent-1', NO_STREAM, one)).toEqual(first);
    expect(await serving.store.readStream('consent-1', { limit: 9 })).toHaveLength(2);
  });

  it('refuses what is too large, what belongs to the system, and what has no events', async () => {
    const large = binaryEvent({ type: 'T', data: Buffer.alloc(1024 * 1024 + 1) });
    const tooLarge = client.appendToStream('consent-1', large, how);
    await expect(tooLarge).rejects.toThrow(MaxAppendSizeExceededError);
    await expect(tooLarge).rejects.toMatchObject({ maxAppendSize: 1024 * 1024 });
    await expect(append('$settings', ANY)).rejects.toThrow(AccessDeniedError);
    await expect(client.appendToStream('consent-1', [], how)).rejects.toThrow();
    expect(await serving.store.head()).toMatch(/\.0$/);
  });

  it('keeps bytes that are no JSON', async () => {
    const data = Buffer.from([0, 1, 2, 255]);
    await client.appendToStream('consent-1', binaryEvent({ type: 'T', data }), how);
    const [read] = await all(client.readStream('consent-1'));
    expect(read?.event?.isJson).toBe(false);
    expect([...(read?.event?.data as Uint8Array)]).toEqual([...data]);
  });

  it('does not write to a tombstoned stream', async () => {
    await append('consent-1', ANY);
    await client.tombstoneStream('consent-1', { expectedRevision: 0n });
    await expect(append('consent-1', ANY)).rejects.toThrow(StreamDeletedError);
    await expect(all(client.readStream('consent-1'))).rejects.toThrow(StreamDeletedError);
    await expect(client.tombstoneStream('consent-1')).rejects.toThrow(StreamDeletedError);
  });
});

it('takes many appends at once on one call', async () => {
  const streams = Array.from({ length: 500 }, (_, n) => `consent-${n}`);
  const results = await Promise.all(
    streams.map((stream) => client.appendToStream(stream, event(), { expectedRevision: NO_STREAM })),
  );
  expect(new Set(results.map(({ position }) => position?.commit)).size).toBe(500);
});

it('does not write after the deadline of the client', async () => {
  const late = serving.client('tls=false&defaultDeadline=1');
  const outcome = late.appendToStream('consent-1', event(), { expectedRevision: NO_STREAM, deadline: -60_000 });
  await expect(outcome).rejects.toMatchObject({ type: 'deadline-exceeded' });
  expect(await serving.store.readStream('consent-1', { limit: 1 })).toEqual([]);
});

describe('a deleted stream', () => {
  beforeEach(async () => {
    await serving.store.append('consent-1', [anEvent(), anEvent()], 'none');
    await client.deleteStream('consent-1', { expectedRevision: 1n });
  });

  it('reads as missing, and goes on after the revisions it had', async () => {
    await expect(all(client.readStream('consent-1'))).rejects.toThrow(StreamNotFoundError);
    await client.appendToStream('consent-1', event(), { expectedRevision: NO_STREAM });
    await client.appendToStream('consent-1', event(), { expectedRevision: STREAM_EXISTS });
    const forwards = await all(client.readStream('consent-1'));
    const backwards = await all(client.readStream('consent-1', { direction: BACKWARDS, fromRevision: END }));
    expect(forwards.map(({ event: one }) => one?.revision)).toEqual([2n, 3n]);
    expect(backwards.map(({ event: one }) => one?.revision)).toEqual([3n, 2n]);
  });

  it('is still in the ledger', async () => {
    expect(await all(client.readAll())).toHaveLength(2);
    expect(await serving.store.readStream('consent-1', { limit: 9 })).toHaveLength(2);
  });

  it('may be deleted again, but not one that never was', async () => {
    await client.deleteStream('consent-1');
    const never = client.deleteStream('consent-none');
    await expect(never).rejects.toMatchObject({ type: 'wrong-expected-version', expectedVersion: -2n });
  });
});

it('may tombstone a stream that never was', async () => {
  await client.tombstoneStream('consent-none');
  await expect(client.appendToStream('consent-none', event())).rejects.toThrow(StreamDeletedError);
});

describe('the metadata of a stream', () => {
  it('is kept beside the ledger, also over a restart', async () => {
    await client.setStreamMetadata('consent-1', { maxCount: 5, team: 'blue' }, { expectedRevision: NO_STREAM });
    await client.setStreamMetadata('consent-1', { maxCount: 6 });
    await serving.store.append('consent-2', [anEvent()], 'none');
    await client.deleteStream('consent-2');
    await client.tombstoneStream('consent-2');
    await serving.stop();
    await serving.start();
    client = serving.client();
    expect((await client.getStreamMetadata('consent-1')).metadata).toEqual({ maxCount: 6 });
    await expect(all(client.readStream('consent-2'))).rejects.toThrow(StreamDeletedError);
    expect(await all(client.readStream('$$consent-1'))).toHaveLength(2);
    expect(await all(client.readAll())).toHaveLength(1);
  });

  it('says which ledger it is, and nobody can take that place', async () => {
    const { metadata } = await client.getStreamMetadata('system-ledger');
    expect(metadata).toEqual({ consentLedgerId: serving.store.ledgerId });
    const claim = client.setStreamMetadata(
      'system-ledger',
      { consentLedgerId: 'mine' },
      { expectedRevision: NO_STREAM },
    );
    await expect(claim).rejects.toThrow(WrongExpectedVersionError);
  });

  it('that is no JSON keeps nobody from deleting the stream', async () => {
    await serving.store.append('consent-1', [anEvent()], 'none');
    await client.appendToStream('$$consent-1', binaryEvent({ type: '$metadata', data: Buffer.from('{') }));
    await client.deleteStream('consent-1');
    await expect(all(client.readStream('consent-1'))).rejects.toThrow(StreamNotFoundError);
  });

  it('is there for none where nobody has set it', async () => {
    expect(await client.getStreamMetadata('consent-1')).toEqual({ streamName: 'consent-1' });
  });
});
