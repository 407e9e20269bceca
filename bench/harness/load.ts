import { connect, type Socket } from 'node:net';
import { ResponseReader, type RawResponse } from './response.js';

export interface Load {
  readonly port: number;
  readonly connections: number;
  readonly requests: number;
  /** The bytes of the n-th request, counted from 0. */
  readonly request: (n: number) => string | Buffer;
  /** Throws where the answer to the n-th request is not the right one: a benchmark of errors is worse than none. */
  readonly accept: (n: number, response: RawResponse) => void;
  /**
   * Whether the client looks for answers without ever sleeping. To wake a sleeping process costs its waker more than a
   * whole request (on a virtual machine an interrupt of another processor), and the faster client sleeps the more the
   * slower the server is: without this a server pays for its client's idleness. Only where the client may have a
   * processor of its own.
   */
  readonly awake?: boolean;
}

export interface Loaded {
  readonly seconds: number;
  /** Of this process: what the client itself cost. */
  readonly clientCpuSeconds: number;
  /** Milliseconds from the write of each request to the last byte of its answer. */
  readonly latenciesMs: Float64Array;
}

/**
 * Asks over so many connections, each with one request at a time and no pause, until all are answered. Rejects at the
 * first wrong answer or lost connection.
 */
export async function runLoad(load: Load): Promise<Loaded> {
  const sockets = await Promise.all(Array.from({ length: load.connections }, () => openSocket(load.port)));
  const latenciesMs = new Float64Array(load.requests);
  const queue = { next: 0 };
  const sleepAgain = load.awake ? stayAwake() : () => undefined;
  const cpuBefore = process.cpuUsage();
  const began = performance.now();
  try {
    await Promise.all(sockets.map((socket) => converse(socket, load, queue, latenciesMs)));
    const seconds = (performance.now() - began) / 1_000;
    const { user, system } = process.cpuUsage(cpuBefore);
    return { seconds, clientCpuSeconds: (user + system) / 1_000_000, latenciesMs };
  } finally {
    sleepAgain();
    for (const socket of sockets) socket.destroy();
  }
}

/** Keeps the event loop from waiting, until it is told that it may. */
function stayAwake(): () => void {
  let awake = true;
  const look = () => {
    if (awake) setImmediate(look);
  };
  look();
  return () => {
    awake = false;
  };
}

function openSocket(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => resolve(socket));
    socket.setNoDelay(true);
    socket.once('error', reject);
  });
}

function converse(socket: Socket, load: Load, queue: { next: number }, latenciesMs: Float64Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const reader = new ResponseReader();
    let asked = -1;
    let askedAt = 0;
    const askNext = () => {
      if (queue.next >= load.requests) return resolve();
      asked = queue.next++;
      const request = load.request(asked);
      askedAt = performance.now();
      socket.write(request);
    };
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('the server closed the connection')));
    socket.on('data', (chunk: Buffer) => {
      try {
        const response = reader.push(chunk);
        if (!response) return;
        latenciesMs[asked] = performance.now() - askedAt;
        load.accept(asked, response);
        askNext();
      } catch (error) {
        reject(asError(error));
      }
    });
    askNext();
  });
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

export interface RequestParts {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly key: string;
  readonly body?: string;
}

/** A request as bytes on the wire, with the headers that an ordinary client sends. */
export function requestOf({ method, path, key, body }: RequestParts): string {
  const head = `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${key}\r\nAccept: application/json\r\n`;
  if (body === undefined) return `${head}\r\n`;
  return `${head}Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}
