import { once } from 'node:events';
import {
  connect,
  createServer,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type Http2Server,
  type ServerHttp2Stream,
} from 'node:http2';
import { createServer as createListener, type AddressInfo } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { Client, credentials, Metadata, Server, ServerCredentials } from '@grpc/grpc-js';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { until } from '../../../test/faults/until.js';
import { FastLane } from './fast-lane.js';
import { SERVED } from './methods.js';

const MESSAGE = Buffer.from('asked');
const framed = (message: Buffer, flag = 0) => {
  const prefix = Buffer.from([flag, 0, 0, 0, 0]);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
};
const HEAD = {
  ':method': 'POST',
  ':path': SERVED.check.path,
  'content-type': 'application/grpc',
  authorization: 'Bearer key',
};

describe('the lane of plain checks over gRPC', () => {
  let server: Http2Server;
  let client: ClientHttp2Session;
  let lane: FastLane;
  let inWork: number;
  let mayEnter: boolean;
  let answer: (authorization: string, message: Buffer) => Buffer | undefined;
  let answered: number;

  beforeEach(async () => {
    [inWork, mayEnter, answered] = [0, true, 0];
    answer = (authorization, message) => Buffer.from(`${authorization} ${String(message)}`);
    server = createServer();
    // Whoever stands behind the lane says what it has heard, to the end.
    server.on('stream', (stream: ServerHttp2Stream) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        stream.respond({ ':status': 200, by: 'ordinary' });
        stream.end(Buffer.concat(chunks));
      });
    });
    lane = new FastLane({
      answer: (authorization, message) => answer(authorization, message),
      enter: () => mayEnter && ++inWork > 0,
      leave: () => void (inWork -= 1),
      onAnswered: () => void (answered += 1),
      timeoutMs: 200,
    });
    lane.standBefore(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    client = connect(addressOf(server));
  });

  afterEach(async () => {
    lane.close();
    client.destroy();
    server.close();
    await once(server, 'close');
  });

  /** The server may see the end of a call after its caller. */
  const placesAreFree = () => until('every place is free', () => (inWork === 0 ? true : undefined));

  /** What was answered, by whom, and with which trailers. */
  async function ask(head: object = {}, ...pieces: readonly Buffer[]) {
    const call = client.request({ ...HEAD, ...head });
    const response = once(call, 'response') as Promise<[Record<string, string>]>;
    let trailers: Record<string, unknown> = {};
    call.on('trailers', (said: Record<string, unknown>) => (trailers = said));
    const begun = once(server, 'stream');
    for (const piece of pieces.slice(0, -1)) {
      call.write(piece);
      // The turn in which the call began is over by then.
      await begun;
      for (let turns = 0; turns < 3; turns += 1) await turn();
    }
    call.end(pieces.at(-1) ?? framed(MESSAGE));
    const [headers] = await response;
    const chunks: Buffer[] = [];
    for await (const chunk of call) chunks.push(chunk as Buffer);
    return { headers, by: headers.by ?? 'lane', bytes: Buffer.concat(chunks), trailers };
  }

  it('answers one message that came with its head', async () => {
    const { by, bytes, headers, trailers } = await ask();
    expect(by).toBe('lane');
    expect(bytes).toEqual(framed(Buffer.from('Bearer key asked')));
    expect(headers).toMatchObject({ 'content-type': 'application/grpc+proto', 'grpc-encoding': 'identity' });
    expect(trailers).toMatchObject({ 'grpc-status': '0', 'grpc-message': 'OK' });
    expect(answered).toBe(1);
    await placesAreFree();
  });

  it.each([
    ['of another method', { ':path': SERVED.checkBatch.path }],
    ['without a key', { authorization: undefined }],
    ['of another type', { 'content-type': 'application/grpc+json' }],
    ['whose messages are compressed', { 'grpc-encoding': 'gzip' }],
    ['whose deadline has passed', { 'grpc-timeout': '0m' }],
    ['whose deadline is none', { 'grpc-timeout': 'soon' }],
    ['whose deadline is months away', { 'grpc-timeout': '9999H' }],
  ])('hands on a call %s', async (_, head) => {
    const given = Object.fromEntries(Object.entries({ ...HEAD, ...head }).filter(([, value]) => value !== undefined));
    const call = client.request(given);
    const response = once(call, 'response') as Promise<[Record<string, string>]>;
    call.end(framed(MESSAGE));
    const [headers] = await response;
    call.resume();
    expect(headers.by).toBe('ordinary');
  });

  it.each([
    ['in pieces', [framed(MESSAGE).subarray(0, 7), framed(MESSAGE).subarray(7)]],
    ['with a compressed message', [framed(MESSAGE, 1)]],
    ['with two messages', [Buffer.concat([framed(MESSAGE), framed(MESSAGE)])]],
    ['with nothing', [Buffer.alloc(0)]],
    ['with half a prefix', [Buffer.from([0, 0])]],
  ])('hands on whole what comes %s', async (_, pieces) => {
    const { by, bytes } = await ask({}, ...pieces);
    expect(by).toBe('ordinary');
    expect(bytes).toEqual(Buffer.concat(pieces));
  });

  it.each([
    ['it is not for the lane', () => undefined],
    [
      'the answer fails',
      () => {
        throw new Error('no');
      },
    ],
  ])('hands on what it has read where %s', async (_, failing) => {
    answer = failing;
    const { by, bytes } = await ask();
    expect([by, bytes]).toEqual(['ordinary', framed(MESSAGE)]);
    expect([answered, inWork]).toEqual([0, 0]);
  });

  it('hands on what finds no place, and everything once it is closed', async () => {
    mayEnter = false;
    const decided: string[] = [];
    answer = (_, message) => {
      decided.push(String(message));
      return message;
    };
    expect((await ask()).by).toBe('ordinary');
    // An overload is not worth a decision.
    expect(decided).toEqual([]);
    mayEnter = true;
    lane.close();
    expect((await ask()).by).toBe('ordinary');
  });

  it('lets a caller go who has hung up', async () => {
    const gone = client.request(HEAD);
    gone.on('error', () => undefined);
    gone.end(framed(MESSAGE));
    gone.close(8);
    expect((await ask()).by).toBe('lane');
    await placesAreFree();
  });

  it('cuts off who does not take the answer, and gives the place back', async () => {
    answer = () => Buffer.alloc(200_000);
    // More than a stream's window holds, and nothing is read.
    const call = client.request(HEAD);
    call.on('error', () => undefined);
    call.end(framed(MESSAGE));
    const closed = new Promise((resolve) => call.on('close', resolve));
    await once(call, 'response');
    expect(inWork).toBe(1);
    await closed;
    await placesAreFree();
    expect(call.rstCode).not.toBe(0);
  });

  it('gives the place back of who resets the call before its end, with the answer not taken', async () => {
    const narrow = connect(addressOf(server), { settings: { initialWindowSize: 0 } });
    await once(narrow, 'remoteSettings');
    const streams = once(server, 'stream') as Promise<[ServerHttp2Stream]>;
    const call = narrow.request(HEAD);
    call.on('error', () => undefined);
    call.write(framed(MESSAGE));
    const [stream] = await streams;
    await once(call, 'response');
    expect(inWork).toBe(1);
    const over = once(stream, 'close');
    resetAtOnce(call);
    await over;
    await placesAreFree();
    narrow.destroy();
  });
});

it('finds the server that grpc-js has made, and answers its callers', async () => {
  const grpc = new Server();
  const asBytes = (bytes: Buffer) => bytes;
  grpc.register(
    SERVED.check.path,
    (_: unknown, done: Done) => done(null, Buffer.from('ordinary')),
    asBytes,
    asBytes,
    'unary',
  );
  const injector = grpc.createConnectionInjector(ServerCredentials.createInsecure());
  const terms = { enter: () => true, leave: () => undefined, onAnswered: () => undefined, timeoutMs: 1_000 };
  const lane = new FastLane({ ...terms, answer: (_, message) => (String(message) === 'plain' ? message : undefined) });
  lane.stand(grpc);
  const listening = createListener((connection) => injector.injectConnection(connection)).listen(0, '127.0.0.1');
  await once(listening, 'listening');
  const client = new Client(addressOf(listening).slice('http://'.length), credentials.createInsecure());
  const metadata = new Metadata();
  metadata.set('authorization', 'Bearer key');
  const ask = (message: string) =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(SERVED.check.path, asBytes, asBytes, Buffer.from(message), metadata, (error, answer) =>
        error ? reject(error) : resolve(String(answer)),
      );
    });
  expect([await ask('plain'), await ask('anything else')]).toEqual(['plain', 'ordinary']);
  client.close();
  lane.close();
  grpc.forceShutdown();
  listening.close();
});

/** As other clients may: Node's own would say first that nothing more comes. */
function resetAtOnce(call: ClientHttp2Stream): void {
  const handle = Object.getOwnPropertySymbols(call).find(({ description }) => description === 'kHandle');
  if (handle === undefined) throw new Error('this version of Node keeps its handle elsewhere');
  (call as unknown as Record<symbol, { rstStream(code: number): void }>)[handle]?.rstStream(0);
}

type Done = (error: null, answer: Buffer) => void;

function addressOf(server: { address(): unknown }): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
