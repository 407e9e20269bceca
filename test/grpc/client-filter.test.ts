import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Server, ServerCredentials, status, type sendUnaryData, type ServerDuplexStream } from '@grpc/grpc-js';
import { LedgerClient, LedgerError, type FilterRequest, type FilterResponse } from '#client';
import { COMMAND_RESPONSE, FILTER_REQUEST, FILTER_RESPONSE, METHODS } from '#grpc-messages';

type Call = ServerDuplexStream<Buffer, Buffer>;

/** A server that answers each message at once, or does with a stream what a test says. */
let server: Server;
let client: LedgerClient;
const streams: ((call: Call) => void)[] = [];
/** Ends of streams that the server has seen. */
let ended = 0;

const asBytes = (bytes: Buffer) => bytes;

function answerAll(call: Call): void {
  call.on('data', (message: Buffer) => call.write(answerTo(message)));
  call.on('end', () => call.end());
}

function answerTo(message: Buffer): Buffer {
  const { checks } = FILTER_REQUEST.decode(message);
  return FILTER_RESPONSE.encode({ position: 'ledger.1', answers: checks.map(({ ref = '' }) => ({ ref })) });
}

beforeAll(async () => {
  server = new Server();
  const filter = (call: Call) => {
    call.on('cancelled', () => (ended += 1));
    (streams.shift() ?? answerAll)(call);
  };
  server.register(METHODS.filter.path, filter, asBytes, asBytes, 'bidi');
  const answer = COMMAND_RESPONSE.encode({ answer: { position: 'ledger.7' } as never });
  const revoke = (_call: unknown, callback: sendUnaryData<Buffer>) => callback(null, answer);
  server.register(METHODS.revoke.path, revoke, asBytes, asBytes, 'unary');
  const port = await new Promise<number>((resolve) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (_error, bound) => resolve(bound));
  });
  const retries = { attempts: 3, firstPauseMs: 1, longestPauseMs: 1 };
  client = new LedgerClient({ address: `127.0.0.1:${port}`, key: 'a-key', retries });
});

afterEach(() => void streams.splice(0));

afterAll(() => {
  client.close();
  server.forceShutdown();
});

const request = (ref: string): FilterRequest => ({ businessId: 'acme', checks: [{ ref }] });
const refOf = ({ answers }: FilterResponse) => answers[0]?.ref ?? '';

async function refs(answers: AsyncIterable<FilterResponse>): Promise<readonly string[]> {
  const all: string[] = [];
  for await (const one of answers) all.push(refOf(one));
  return all;
}

const unavailable = (call: Call) => call.emit('error', { code: status.UNAVAILABLE, details: 'gone' });

describe('the filter of the client', () => {
  it('answers a source that makes each request of the last answer', async () => {
    const heard: string[] = [];
    let hear = () => {};
    async function* source(): AsyncGenerator<FilterRequest> {
      for (let n = 0; n < 20; n += 1) {
        const heardOne = new Promise<void>((resolve) => (hear = resolve));
        yield request(String(n));
        await heardOne;
      }
    }
    for await (const one of client.filter(source())) {
      heard.push(refOf(one));
      hear();
    }
    expect(heard).toEqual(Array.from({ length: 20 }, (_, n) => String(n)));
  });

  it('tells what the source throws, also where it looks like a stream that broke off', async () => {
    const thrown = new LedgerError('UNAVAILABLE', status.UNAVAILABLE, [], 0, undefined, 'of another call');
    async function* source(): AsyncGenerator<FilterRequest> {
      yield request('a');
      yield await Promise.reject(thrown);
    }
    await expect(refs(client.filter(source()))).rejects.toBe(thrown);
  });

  it('goes on where the stream broke off while the source had nothing to ask', async () => {
    let goOn = () => {};
    const brokeOff = new Promise<void>((resolve) => (goOn = resolve));
    // Answers the first, and breaks off at once: nobody is waiting for an answer then.
    streams.push((call) => {
      call.once('data', (message: Buffer) => {
        call.write(answerTo(message));
        unavailable(call);
        call.on('cancelled', () => setImmediate(goOn));
      });
    });
    async function* source(): AsyncGenerator<FilterRequest> {
      yield request('a');
      await brokeOff;
      yield request('b');
      yield request('c');
    }
    expect(await refs(client.filter(source()))).toEqual(['a', 'b', 'c']);
  });

  it('asks again, in order, what was not answered when the stream broke off', async () => {
    streams.push((call) => {
      call.once('data', (message: Buffer) => {
        call.write(answerTo(message));
        unavailable(call);
      });
    }, unavailable);
    const asked = Array.from({ length: 30 }, (_, n) => String(n));
    expect(await refs(client.filter(asked.map(request)))).toEqual(asked);
  });

  it('asks again as of what was acknowledged meanwhile, also with requests that it took before', async () => {
    const carried: (string | undefined)[] = [];
    const note = (call: Call) =>
      call.on('data', (message: Buffer) => carried.push(FILTER_REQUEST.decode(message).atLeast));
    let breakOff = () => {};
    const isAsked = new Promise<void>((resolve) => {
      streams.push((call) => {
        breakOff = () => void unavailable(call);
        note(call).once('data', () => resolve());
      });
    });
    streams.push((call) => answerAll(note(call)));
    const answered = refs(client.filter([request('a')]));
    await isAsked;
    await client.revoke({ businessId: 'acme', recipient: { recipientId: 'anna' } });
    breakOff();
    expect(await answered).toEqual(['a']);
    expect(carried).toEqual([undefined, 'ledger.7']);
  });

  it('gives up after so many streams without an answer', async () => {
    streams.push(unavailable, unavailable, unavailable);
    await expect(refs(client.filter([request('a')]))).rejects.toMatchObject({ code: 'UNAVAILABLE' });
    expect(streams).toEqual([]);
  });

  it('opens no stream for an audience of nobody', async () => {
    streams.push(unavailable, unavailable, unavailable);
    expect(await refs(client.filter([]))).toEqual([]);
    expect(streams.length).toBe(3);
  });

  it('is left at once by whoever reads no further, though the source is still waiting', async () => {
    const before = ended;
    async function* source(): AsyncGenerator<FilterRequest> {
      yield request('a');
      await new Promise(() => {});
    }
    for await (const one of client.filter(source())) {
      expect(refOf(one)).toBe('a');
      break;
    }
    while (ended === before) await new Promise((resolve) => setImmediate(resolve));
  });
});
