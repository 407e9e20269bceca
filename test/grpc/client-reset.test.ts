import { constants, createServer, type Http2Server, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { status } from '@grpc/grpc-js';
import { LedgerClient, type FilterRequest } from '#client';
import { FILTER_REQUEST, FILTER_RESPONSE, WATCH_RESPONSE, encodeStatus } from '#grpc-messages';

/** Does with a stream what a test says; the last one from then on. */
const streams: ((stream: ServerHttp2Stream) => void)[] = [];
let opened = 0;
/** To be ended once the client has taken what was said on it: whatever is on the way when a stream is reset is lost. */
let latest: ServerHttp2Stream;
let server: Http2Server;
let client: LedgerClient;

/** HTTP/2 itself: a server of gRPC's own resets no stream. */
beforeEach(async () => {
  opened = 0;
  server = createServer();
  server.on('stream', (stream) => {
    opened += 1;
    latest = stream;
    stream.on('error', () => undefined);
    stream.respond({ ':status': 200, 'content-type': 'application/grpc+proto' }, { waitForTrailers: true });
    (streams.length > 1 ? streams.shift() : streams[0])?.(stream);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const retries = { attempts: 3, firstPauseMs: 1, longestPauseMs: 1 };
  client = new LedgerClient({ address: `127.0.0.1:${port}`, key: 'a-key', retries });
});

afterEach(async () => {
  streams.length = 0;
  client.close();
  await new Promise((resolve) => server.close(resolve));
});

function framed(message: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** Told of each message once it is whole. */
function onMessage(stream: ServerHttp2Stream, take: (message: Buffer) => void): void {
  let bytes = Buffer.alloc(0);
  stream.on('data', (more: Buffer) => {
    bytes = Buffer.concat([bytes, more]);
    while (bytes.length >= 5 && bytes.length >= 5 + bytes.readUInt32BE(1)) {
      const end = 5 + bytes.readUInt32BE(1);
      take(bytes.subarray(5, end));
      bytes = bytes.subarray(end);
    }
  });
}

const reset = (rstCode: number) => (stream: ServerHttp2Stream) => void stream.close(rstCode);

/** Ends with a status, and with what the ledger says beside it, if it does. */
const failing = (code: status, reason?: string) => (stream: ServerHttp2Stream) => {
  const details = reason === undefined ? undefined : encodeStatus({ code, message: 'no', details: { reason } });
  const said = details ? { 'grpc-status-details-bin': details.toString('base64') } : {};
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': String(code), 'grpc-message': 'no', ...said }));
  stream.end();
};

const telling = (position: string) => (stream: ServerHttp2Stream) =>
  void stream.write(framed(WATCH_RESPONSE.encode({ position })));

const { NGHTTP2_PROTOCOL_ERROR, NGHTTP2_INTERNAL_ERROR, NGHTTP2_CANCEL, NGHTTP2_ENHANCE_YOUR_CALM } = constants;
const ENDS = [
  ['is reset by who takes it for wrong', reset(NGHTTP2_PROTOCOL_ERROR)],
  ['is reset by who fails', reset(NGHTTP2_INTERNAL_ERROR)],
  ['is reset by who gives it up', reset(NGHTTP2_CANCEL)],
  ['is reset by the ledger itself, as one that is taken too slowly', reset(NGHTTP2_ENHANCE_YOUR_CALM)],
  ['is ended by a proxy with a status of its own', failing(status.UNKNOWN)],
] as const;

describe('a watch', () => {
  it.each(ENDS)('goes on where its stream %s', async (_how, end) => {
    streams.push(telling('ledger.1'), end, end, end, telling('ledger.2'));
    const watched = client.watch({ businessId: 'acme' });
    expect((await watched.next()).value).toMatchObject({ position: 'ledger.1' });
    end(latest);
    expect((await watched.next()).value).toMatchObject({ position: 'ledger.2' });
    await watched.return();
  });

  it('gives up after so many streams that are reset before anything was told', async () => {
    streams.push(reset(NGHTTP2_ENHANCE_YOUR_CALM));
    await expect(client.watch({ businessId: 'acme' }).next()).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED' });
    expect(opened).toBe(3);
  });

  it('ends with what the ledger says', async () => {
    streams.push(telling('ledger.1'));
    const watched = client.watch({ businessId: 'acme' });
    await watched.next();
    failing(status.INTERNAL, 'INTERNAL')(latest);
    await expect(watched.next()).rejects.toMatchObject({ code: 'INTERNAL', isPassing: false });
    expect(opened).toBe(1);
  });

  it('ends with its signal, also while streams are reset', async () => {
    const stopping = new AbortController();
    streams.push(telling('ledger.1'), (stream) => {
      reset(NGHTTP2_CANCEL)(stream);
      if (opened > 5) stopping.abort();
    });
    const watched = client.watch({ businessId: 'acme' }, stopping.signal);
    await watched.next();
    reset(NGHTTP2_CANCEL)(latest);
    expect(await watched.next()).toEqual({ done: true, value: undefined });
  });
});

describe('a filter', () => {
  const asked: readonly FilterRequest[] = ['a', 'b', 'c'].map((ref) => ({ businessId: 'acme', checks: [{ ref }] }));

  /** Answers one message, and says nothing of the others. */
  const answering = (stream: ServerHttp2Stream) => {
    let isAnswered = false;
    onMessage(stream, (message) => {
      const answers = FILTER_REQUEST.decode(message).checks.map(({ ref = '' }) => ({ ref }));
      if (!isAnswered) stream.write(framed(FILTER_RESPONSE.encode({ position: 'ledger.1', answers })));
      isAnswered = true;
    });
  };

  /** The answers, each stream being ended when its own has been taken. */
  async function answered(end: (stream: ServerHttp2Stream) => void): Promise<readonly (string | undefined)[]> {
    const refs: (string | undefined)[] = [];
    for await (const { answers } of client.filter(asked)) {
      refs.push(answers[0]?.ref);
      if (refs.length < asked.length) end(latest);
    }
    return refs;
  }

  it.each(ENDS)('asks the rest again where its stream %s', async (_how, end) => {
    streams.push(answering, end, answering, answering);
    expect(await answered(end)).toEqual(['a', 'b', 'c']);
    expect(opened).toBe(4);
  });

  it('gives up after so many streams without an answer', async () => {
    streams.push(reset(NGHTTP2_CANCEL));
    await expect(client.filter(asked).next()).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(opened).toBe(3);
  });

  it('does not send again what is too long for gRPC', async () => {
    streams.push((stream) => {
      const message = 'Received message larger than max (70000 vs 65536)';
      const trailers = { 'grpc-status': String(status.RESOURCE_EXHAUSTED), 'grpc-message': message };
      stream.on('wantTrailers', () => stream.sendTrailers(trailers)).end();
    });
    await expect(client.filter(asked).next()).rejects.toMatchObject({ code: 'RESOURCE_EXHAUSTED', isPassing: false });
    expect(opened).toBe(1);
  });
});
