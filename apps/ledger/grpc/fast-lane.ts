import { constants, type Http2Server, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { Server } from '@grpc/grpc-js';
import { SERVED } from './methods.js';

/** Whom the lane asks, and whom it tells. */
export interface LaneTerms {
  /** The answer to a message, at once. Undefined, or an error, where the call is not for the lane. */
  answer(authorization: string, message: Buffer): Buffer | undefined;
  /** Takes a place among the calls in work; false where there is none. */
  enter(): boolean;
  leave(): void;
  /** A call was answered, so many seconds after it came. */
  onAnswered(seconds: number): void;
  /** How long an answer may take to be taken, in milliseconds. */
  readonly timeoutMs: number;
}

type OnStream = (this: Http2Server, stream: ServerHttp2Stream, ...more: unknown[]) => void;

interface Waiting {
  /** How often its message is still looked for, each time when a turn of the event loop ends. */
  turns: number;
  readonly stream: ServerHttp2Stream;
  readonly authorization: string;
  readonly sinceMs: number;
  readonly handOn: () => void;
}

const LOOK_MS = 1_000;

/** Many a client sends the message behind the head, so that it comes a turn later. */
const TURNS = 2;

/**
 * Answers the plain check without grpc-js, which costs more than the answer (ADR 24): one message, which has come within
 * two turns of the event loop, of a caller whose key is remembered, with an answer that waits for nothing.
 * Every other call it hands on as it came, and says nothing of its own.
 */
export class FastLane {
  /** Calls whose messages are looked for when this turn of the event loop ends. */
  private waiting: Waiting[] = [];
  /** Answered and not over, the oldest first, and since when. */
  private readonly untaken = new Map<ServerHttp2Stream, number>();
  private readonly looking = setInterval(() => this.look(), LOOK_MS).unref();
  private isClosed = false;

  constructor(private readonly terms: LaneTerms) {}

  /** Before the servers that grpc-js has made; its types hide them, and where there are none there is no lane. */
  stand(grpc: Server): void {
    const { http2Servers } = grpc as unknown as { readonly http2Servers?: ReadonlyMap<Http2Server, unknown> };
    for (const server of http2Servers?.keys() ?? []) this.standBefore(server);
  }

  standBefore(server: Http2Server): void {
    const ordinary = server.listeners('stream') as OnStream[];
    server.removeAllListeners('stream');
    server.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, ...more: unknown[]) => {
      const handOn = () => {
        ordinary.forEach((listener) => listener.call(server, stream, headers, ...more));
        // The end of one that held nothing was said while nobody listened.
        if (stream.readableEnded) stream.emit('end');
      };
      const authorization = this.isClosed ? undefined : plainlyAsked(headers);
      if (authorization === undefined) handOn();
      else this.await({ turns: TURNS, stream, authorization, sinceMs: performance.now(), handOn });
    });
  }

  /** From now on everything is handed on. */
  close(): void {
    this.isClosed = true;
    clearInterval(this.looking);
  }

  private await(call: Waiting): void {
    call.stream.on('error', ignore);
    this.lookLater(call);
  }

  private lookLater(call: Waiting): void {
    call.turns -= 1;
    if (this.waiting.push(call) === 1) setImmediate(this.answerAll);
  }

  private readonly answerAll = (): void => {
    const calls = this.waiting;
    this.waiting = [];
    for (const call of calls) {
      // Whose caller has gone meanwhile was not let in yet.
      if (isOver(call.stream)) continue;
      if (call.turns > 0 && call.stream.readableLength === 0) this.lookLater(call);
      else if (!this.answers(call)) call.handOn();
    }
  };

  private answers({ stream, authorization, sinceMs }: Waiting): boolean {
    const bytes = stream.read() as Buffer | null;
    if (bytes === null) return false;
    const answer = this.answerTo(authorization, bytes);
    if (answer === undefined) {
      stream.unshift(bytes);
      return false;
    }
    this.untaken.set(stream, performance.now());
    stream.on('close', () => this.over(stream));
    send(stream, answer);
    this.terms.onAnswered((performance.now() - sinceMs) / 1_000);
    return true;
  }

  /** With an answer comes a place, taken before anything was decided. */
  private answerTo(authorization: string, bytes: Buffer): Buffer | undefined {
    if (this.isClosed || !isOneMessage(bytes) || !this.terms.enter()) return undefined;
    const answer = this.orNothing(authorization, bytes.subarray(PREFIX_BYTES));
    if (answer === undefined) this.terms.leave();
    return answer;
  }

  /** A mistake of ours here is grpc-js's handler to answer, which knows how; nothing has been sent yet. */
  private orNothing(authorization: string, message: Buffer): Buffer | undefined {
    try {
      return this.terms.answer(authorization, message);
    } catch {
      return undefined;
    }
  }

  private over(stream: ServerHttp2Stream): void {
    this.untaken.delete(stream);
    this.terms.leave();
  }

  private look(): void {
    const overdue = performance.now() - this.terms.timeoutMs;
    for (const [stream, sinceMs] of this.untaken) {
      if (sinceMs > overdue) return;
      // One whose caller has reset it before its end stays as it is for ever unless it is destroyed.
      if (stream.closed) stream.destroy();
      else stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
    }
  }
}

function isOver({ destroyed, closed }: ServerHttp2Stream): boolean {
  return destroyed || closed;
}

/** A call that fails is over with its `close`, or is looked for. */
const ignore = (): void => undefined;

const PLAIN_TYPES = new Set(['application/grpc', 'application/grpc+proto']);

/** The caller's key, where the head is that of a check whose message is not compressed. */
function plainlyAsked(headers: IncomingHttpHeaders): string | undefined {
  if (headers[constants.HTTP2_HEADER_PATH] !== SERVED.check.path) return undefined;
  if (headers[constants.HTTP2_HEADER_METHOD] !== 'POST') return undefined;
  if (!PLAIN_TYPES.has(headers['content-type'] ?? '')) return undefined;
  const { 'grpc-encoding': encoding = 'identity', 'grpc-timeout': timeout = '1S' } = headers;
  return encoding === 'identity' && TIMEOUT.test(String(timeout)) ? headers.authorization : undefined;
}

/** One that has not passed when the call comes, and that timers can wait for. */
const TIMEOUT = /^[1-9]\d{0,7}[mun]$|^[1-9]\d{0,5}S$/;

/** Before each message: a byte that says whether it is compressed, and four with its length. */
const PREFIX_BYTES = 5;

function isOneMessage(bytes: Buffer): boolean {
  return bytes.length >= PREFIX_BYTES && bytes[0] === 0 && bytes.readUInt32BE(1) === bytes.length - PREFIX_BYTES;
}

/** As grpc-js writes them. */
const HEADERS = {
  [constants.HTTP2_HEADER_STATUS]: 200,
  [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc+proto',
  'grpc-accept-encoding': 'identity,deflate,gzip',
  'grpc-encoding': 'identity',
};
const WITH_TRAILERS = { waitForTrailers: true };
const TRAILERS = { 'grpc-status': 0, 'grpc-message': 'OK' };

function send(stream: ServerHttp2Stream, answer: Buffer): void {
  const framed = Buffer.allocUnsafe(PREFIX_BYTES + answer.length);
  framed[0] = 0;
  framed.writeUInt32BE(answer.length, 1);
  framed.set(answer, PREFIX_BYTES);
  stream.on('wantTrailers', sayOk);
  stream.respond(HEADERS, WITH_TRAILERS);
  stream.end(framed);
  // Whatever else the caller says is not heard.
  stream.resume();
}

function sayOk(this: ServerHttp2Stream): void {
  this.sendTrailers(TRAILERS);
}
