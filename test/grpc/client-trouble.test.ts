import { createServer, type AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Server, ServerCredentials, status, type sendUnaryData, type ServerWritableStream } from '@grpc/grpc-js';
import { LedgerClient, LedgerError, type LedgerClientOptions } from '#client';
import { CHECK_BATCH_RESPONSE, METHODS, WATCH_REQUEST, WATCH_RESPONSE } from '#grpc-messages';

type Watch = ServerWritableStream<Buffer, Buffer>;
type Answer = sendUnaryData<Buffer>;

/** A server that answers as a test says, and counts how often it was asked. */
let server: Server;
let address: string;
let answer: (callback: Answer) => void;
let asked = 0;
const watches: ((watch: Watch) => void)[] = [];

const asBytes = (bytes: Buffer) => bytes;
const away = { code: status.UNAVAILABLE, details: 'away' };
const clients: LedgerClient[] = [];

function clientOf(options: Partial<LedgerClientOptions> = {}): LedgerClient {
  const client = new LedgerClient({ address, key: 'a-key', retries: { firstPauseMs: 1 }, ...options });
  clients.push(client);
  return client;
}

beforeAll(async () => {
  server = new Server();
  const unary = (_call: unknown, callback: Answer) => {
    asked += 1;
    answer(callback);
  };
  for (const { path } of [METHODS.check, METHODS.checkBatch, METHODS.grant]) {
    server.register(path, unary, asBytes, asBytes, 'unary');
  }
  const watch = (call: Watch) => (watches.shift() ?? ((one: Watch) => void one.emit('error', away)))(call);
  server.register(METHODS.watch.path, watch, asBytes, asBytes, 'serverStream');
  const port = await new Promise<number>((resolve) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (_error, bound) => resolve(bound));
  });
  address = `127.0.0.1:${port}`;
});

afterEach(() => {
  asked = 0;
  for (const client of clients.splice(0)) client.close();
});

afterAll(() => server.forceShutdown());

const TOPIC = { businessId: 'acme', channel: 'whatsapp', purpose: 'offers' };
const ANNA = { recipient: { phone: '+393331234567' } };

/** What it rejects with: a promise that is not even made fails the test. */
async function failure(call: () => Promise<unknown>): Promise<LedgerError> {
  const error = await call().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(LedgerError);
  return error as LedgerError;
}

describe('what the client says of what it cannot send', () => {
  it('takes a key as a file holds it, and never says one that no header carries', async () => {
    answer = (callback) => callback(away);
    expect((await failure(() => clientOf({ key: 'a-key\n', retries: { attempts: 1 } }).check(TOPIC))).code).toBe(
      'UNAVAILABLE',
    );
    const wrong = () => clientOf({ key: 'secret\nof-two-lines' });
    expect(wrong).toThrow(RangeError);
    expect(wrong).not.toThrow(/secret/);
  });

  it('rejects with an error of its own that repeats no value', async () => {
    const client = clientOf();
    const number = { recipient: { phone: 393_331_234_567 } } as unknown as typeof ANNA;
    const grant = { ...TOPIC, ...ANNA, expiresAt: 'for Anna, tomorrow' };
    const errors = [
      await failure(() => client.check({ ...TOPIC, ...number })),
      await failure(() => client.checkBatch({ ...TOPIC, checks: [number] })),
      await failure(() => client.grant(grant)),
      await failure(() => client.grant({ ...TOPIC, ...ANNA }, { idempotencyKey: 'Anna-ключ' })),
      await failure(() => client.filter([{ ...TOPIC, checks: [number] }]).next()),
    ];
    expect(errors.map(({ code, isPassing }) => [code, isPassing])).toEqual(
      errors.map(() => ['INVALID_ARGUMENT', false]),
    );
    expect(errors.map(({ message }) => message).join()).not.toMatch(/Anna|333/);
    expect(asked).toBe(0);
  });

  it('rejects what is no answer, and calls after its end', async () => {
    const client = clientOf();
    for (const bytes of [Buffer.from('no message'), Buffer.alloc(0)]) {
      answer = (callback) => callback(null, bytes);
      expect(await failure(() => client.check({ ...TOPIC, ...ANNA }))).toMatchObject({ code: 'INTERNAL' });
    }
    client.close();
    expect(await failure(() => client.check({ ...TOPIC, ...ANNA }))).toMatchObject({ code: 'CANCELLED' });
    expect(await failure(() => client.watch({ businessId: 'acme' }).next())).toMatchObject({ code: 'CANCELLED' });
  });
});

it('takes the answer to as many questions as a service can be set to', async () => {
  // What a decision weighs whose `ref` is not short.
  const results = Array.from({ length: 10_000 }, () => ({ ref: 'r'.repeat(600) }));
  const bytes = CHECK_BATCH_RESPONSE.encode({ position: 'ledger.1', results });
  answer = (callback) => callback(null, bytes);
  const { results: taken } = await clientOf().checkBatch({ ...TOPIC, checks: [ANNA] });
  expect(taken).toHaveLength(results.length);
});

describe('a clock that is set while a call is under way', () => {
  afterEach(() => void jest.restoreAllMocks());

  /** Says that it is away, and nothing the second time. */
  function setBy(ms: number): void {
    const now = Date.now;
    answer = (callback) => {
      if (asked > 1) return;
      jest.spyOn(Date, 'now').mockImplementation(() => now() + ms);
      callback(away);
    };
  }

  it.each([
    ['back does not lengthen it', -3_600_000],
    ['forward does not shorten it', 3_600_000],
  ])('%s', async (_what, ms) => {
    setBy(ms);
    const beganMs = performance.now();
    const error = await failure(() => clientOf({ timeoutMs: 500 }).check({ ...TOPIC, ...ANNA }));
    expect(error.code).toBe('DEADLINE_EXCEEDED');
    expect(asked).toBe(2);
    // A timer may fire a millisecond before its time.
    expect(performance.now() - beganMs).toBeGreaterThan(490);
  });
});

describe('the client while the service is away', () => {
  it('asks for some seconds, as long as it takes to exchange a process', async () => {
    answer = (callback) => callback(asked < 10 ? away : { code: status.NOT_FOUND, details: 'at last' });
    expect((await failure(() => clientOf().check({ ...TOPIC, ...ANNA }))).code).toBe('NOT_FOUND');
    expect(asked).toBe(10);
  });

  it('looks for it again every second at least', async () => {
    let [connections, seen] = [0, () => {}];
    const often = new Promise<void>((resolve) => (seen = resolve));
    const silent = createServer((socket) => {
      connections += 1;
      if (connections === 5) seen();
      socket.destroy();
    });
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const retries = { attempts: Infinity, firstPauseMs: 20, longestPauseMs: 20 };
    // gRPC's own pauses would let it come five times in nine seconds, and more seldom from then on.
    const client = clientOf({ address: `127.0.0.1:${port}`, retries, timeoutMs: 5_000 });
    const given = failure(() => client.check({ ...TOPIC, ...ANNA })).then(() => 'gave up');
    expect(await Promise.race([often.then(() => 'came again'), given])).toBe('came again');
    client.close();
    await given;
    await new Promise((resolve) => silent.close(resolve));
  });

  it('watches on after any number of failures, from where it was, and gives up only at the start', async () => {
    const client = clientOf({ retries: { attempts: 2, firstPauseMs: 1 } });
    const from: (string | undefined)[] = [];
    const tell = (position: string) => (watch: Watch) => {
      from.push(WATCH_REQUEST.decode(watch.request).fromPosition);
      watch.write(WATCH_RESPONSE.encode({ position }));
      watch.emit('error', away);
    };
    const fail = (watch: Watch) => void watch.emit('error', away);
    watches.push(tell('ledger.1'), fail, fail, fail, fail, tell('ledger.2'));
    const watched = client.watch({ businessId: 'acme', fromPosition: 'ledger.0' });
    expect([(await watched.next()).value?.position, (await watched.next()).value?.position]).toEqual([
      'ledger.1',
      'ledger.2',
    ]);
    expect(from).toEqual(['ledger.0', 'ledger.1']);
    await watched.return();
    expect(await failure(() => client.watch({ businessId: 'acme' }).next())).toMatchObject({ code: 'UNAVAILABLE' });
  });
});
