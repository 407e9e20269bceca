import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client, credentials } from '@grpc/grpc-js';
import { depthOf } from '#event-store';
import {
  BACKWARDS,
  END,
  START,
  StreamNotFoundError,
  type AllStreamResolvedEvent,
  type EventStoreDBClient,
  type ReadAllOptions,
  type ReadStreamOptions,
} from '@eventstore/db-client';
import {
  all,
  anEvent,
  byStream,
  byStreamRegex,
  byType,
  byTypeRegex,
  readByHand,
  Serving,
  type Filter,
} from './serving-contract.js';

/** More events than a page holds, in two streams that take turns. */
const EVENTS = 300;

const serving = new Serving();
let client: EventStoreDBClient;

beforeAll(async () => {
  await serving.start();
  client = serving.client();
  for (let n = 0; n < EVENTS; n += 1) {
    const [stream, type] = n % 3 === 0 ? ['consent-1', 'ConsentGranted'] : ['conversation-1', 'MessageReceived'];
    await serving.store.append(stream, [anEvent(type, `nº ${n}`)], 'any');
  }
});

afterAll(async () => {
  expect(serving.mistakes).toEqual([]);
  await serving.remove();
});

const positions = (events: readonly AllStreamResolvedEvent[]) =>
  events.map(({ event }) => Number(event?.position.commit));
const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, index) => first + index);

describe('the whole ledger', () => {
  const read = async (options: ReadAllOptions) => positions(await all(client.readAll(options)));
  const at = (n: number) => ({ commit: BigInt(n), prepare: BigInt(n) });

  it.each<[string, ReadAllOptions, number[]]>([
    ['forwards', {}, upTo(EVENTS)],
    ['forwards, so many', { maxCount: 70 }, upTo(70)],
    ['forwards from a position, which belongs to it', { fromPosition: at(290) }, upTo(EVENTS, 290)],
    ['forwards from the end', { fromPosition: END }, []],
    ['forwards from past the end', { fromPosition: at(10 ** 17) }, []],
    ['backwards', { direction: BACKWARDS, fromPosition: END }, upTo(EVENTS).reverse()],
    ['backwards, so many', { direction: BACKWARDS, fromPosition: END, maxCount: 70 }, upTo(300, 231).reverse()],
    [
      'backwards from a position, which does not belong to it',
      { direction: BACKWARDS, fromPosition: at(5) },
      [4, 3, 2, 1],
    ],
    ['backwards from past the end', { direction: BACKWARDS, fromPosition: at(10 ** 17), maxCount: 1 }, [EVENTS]],
    ['backwards from the start', { direction: BACKWARDS, fromPosition: START }, []],
  ])('is read %s', async (_, options, expected) => {
    expect(await read(options)).toEqual(expected);
  });

  it('comes as it was written', async () => {
    const [first] = await all(client.readAll({ maxCount: 1 }));
    const [stored] = await serving.store.readStream('consent-1', { limit: 1 });
    expect(first?.event).toMatchObject({
      id: stored?.id,
      streamId: 'consent-1',
      type: 'ConsentGranted',
      revision: 0n,
      isJson: true,
      data: { text: 'nº 0' },
      metadata: { recordedAt: '2026-01-02T03:04:05.678Z' },
      created: new Date('2026-01-02T03:04:05.678Z'),
    });
  });
});

describe('one stream', () => {
  const read = async (options: ReadStreamOptions) =>
    (await all(client.readStream('consent-1', options))).map(({ event }) => Number(event?.revision));

  it.each<[string, ReadStreamOptions, number[]]>([
    ['forwards', {}, upTo(99, 0)],
    ['forwards from a revision, which belongs to it', { fromRevision: 97n }, [97, 98, 99]],
    ['forwards from the end', { fromRevision: END }, []],
    ['forwards from past the end', { fromRevision: 2n ** 63n }, []],
    ['backwards', { direction: BACKWARDS, fromRevision: END }, upTo(99, 0).reverse()],
    ['backwards from a revision, which belongs to it', { direction: BACKWARDS, fromRevision: 2n }, [2, 1, 0]],
    ['backwards from the start', { direction: BACKWARDS, fromRevision: START }, [0]],
    ['backwards from past the end', { direction: BACKWARDS, fromRevision: 2n ** 63n, maxCount: 1 }, [99]],
  ])('is read %s', async (_, options, expected) => {
    expect(await read(options)).toEqual(expected);
  });

  it('is reported where it is missing', async () => {
    await expect(all(client.readStream('consent-none'))).rejects.toThrow(StreamNotFoundError);
    await expect(all(client.readStream('$ce-consent'))).rejects.toThrow(StreamNotFoundError);
  });
});

describe('a filter on a read of so many', () => {
  it.each<[string, Filter]>([
    ['the prefix of a stream', byStream('consent-')],
    ['the prefix of a type', byType('Consent')],
    ['an expression for streams', byStreamRegex('^consent-\\d$')],
    ['an expression that repeats at its end', byStreamRegex('^[^$]onsent-.*')],
    ['an expression for types', byTypeRegex('^(?!Message)')],
  ])('by %s picks events in both directions', async (_, filter) => {
    const wanted = upTo(EVENTS).filter((n) => n % 3 === 1);
    expect(await filtered(filter, { backwards: false, count: 1_000 })).toEqual(wanted);
    expect(await filtered(filter, { backwards: true, count: 1_000 })).toEqual(wanted.reverse());
    expect(await filtered(filter, { backwards: true, count: 2 })).toEqual(wanted.slice(0, 2));
  });

  it('whose expression would run for years ends the call', async () => {
    await serving.store.append(`a${'a'.repeat(60)}!`, [anEvent()], 'any');
    const reading = filtered(byStreamRegex('^(a+)+$'), { backwards: true, count: 1 });
    await expect(reading).rejects.toThrow('takes too long');
  });

  it.each([
    ['not one', '('],
    ['too long', 'x'.repeat(1_001)],
  ])('whose expression is %s is refused', async (_, regex) => {
    await expect(filtered(byStreamRegex(regex), { backwards: false, count: 1 })).rejects.toThrow('INVALID_ARGUMENT');
  });

  it('passes over nothing backwards where the events are so large that the store gives fewer at once', async () => {
    const large = (type: string) => ({ ...anEvent(type), data: Buffer.alloc(300 * 1024, 0x61) });
    const places: number[] = [];
    for (let n = 0; n < 100; n += 1) {
      const { position } = await serving.store.append('large-1', [large(n === 50 ? 'Rare' : 'Other')], 'any');
      places.push(depthOf(position));
    }
    expect(await filtered(byType('Rare'), { backwards: true, count: 1 })).toEqual([places[50]]);
  });

  function filtered(filter: Filter, range: { backwards: boolean; count: number }): Promise<number[]> {
    const channel = new Client(serving.address, credentials.createInsecure());
    return all(readByHand(channel, filter, range) as AsyncIterable<number>).finally(() => channel.close());
  }
});
