import { connect, type Socket } from 'node:net';
import { requestOf } from '../../bench/harness/load.js';
import { ResponseReader } from '../../bench/harness/response.js';
import type { Answer } from '../support/client.js';
import type { Replica } from './scene.js';

/** Longer than any answer takes that will still come. */
const SILENCE_MS = 60_000;

export type KeptAnswer = Pick<Answer, 'status' | 'body'>;

interface Asked {
  readonly resolve: (answer: KeptAnswer) => void;
  readonly reject: (error: Error) => void;
}

/**
 * One connection to one replica, with one request at a time: for a test that asks millions of times, where `fetch` would
 * take as much of the processor as what is tested.
 */
class KeptConnection {
  readonly #socket: Socket;
  readonly #reader = new ResponseReader();
  #asked: Asked | undefined;
  #lost: Error | undefined;

  constructor(private readonly replica: Replica) {
    this.#socket = connect(replica.ports.http, '127.0.0.1').setNoDelay(true);
    this.#socket.on('data', (chunk: Buffer) => this.#take(chunk));
    this.#socket.setTimeout(SILENCE_MS, () => this.#socket.destroy());
    this.#socket.on('error', (error) => this.#lose(error));
    this.#socket.on('close', () => this.#lose(new Error('the connection was closed')));
  }

  get isLost(): boolean {
    return this.#lost !== undefined;
  }

  /** Rejects where the connection is lost before the whole answer has come. */
  post(path: string, body: object): Promise<KeptAnswer> {
    const request = requestOf({ method: 'POST', path, key: this.replica.adminKey, body: JSON.stringify(body) });
    return new Promise((resolve, reject) => {
      if (this.#lost) return reject(this.#lost);
      this.#asked = { resolve, reject };
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    const response = this.#reader.push(chunk);
    if (!response) return;
    const { resolve } = this.#asked as Asked;
    this.#asked = undefined;
    resolve({ status: response.status, body: JSON.parse(response.body.toString()) as Answer['body'] });
  }

  #lose(error: Error): void {
    this.#lost ??= error;
    this.#asked?.reject(error);
    this.#asked = undefined;
  }
}

/** What one asker keeps open: a connection to each replica that it has asked, made again where it was lost. */
export class KeptConnections {
  readonly #open = new Map<Replica, KeptConnection>();

  post(replica: Replica, path: string, body: object): Promise<KeptAnswer> {
    this.#forgetLost();
    const connection = this.#open.get(replica) ?? new KeptConnection(replica);
    this.#open.set(replica, connection);
    return connection.post(path, body);
  }

  close(): void {
    for (const connection of this.#open.values()) connection.close();
  }

  #forgetLost(): void {
    for (const [replica, { isLost }] of this.#open) if (isLost) this.#open.delete(replica);
  }
}
