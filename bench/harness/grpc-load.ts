import { Client, Metadata, credentials, type ClientDuplexStream } from '@grpc/grpc-js';
import { METHODS } from '#grpc-messages';

/** Messages as bytes, made before the load begins: the client is to cost as little as it can. */
export interface GrpcLoad {
  readonly port: number;
  readonly key: string;
  readonly method: 'check' | 'filter';
  readonly connections: number;
  /** Calls, or messages of the stream, that are under way at once on one connection. */
  readonly underWay: number;
  readonly messages: number;
  readonly message: (n: number) => Buffer;
  /** Throws where the answer to the n-th message is not the right one. */
  readonly accept: (n: number, answer: Buffer) => void;
}

const asBytes = (bytes: Buffer): Buffer => bytes;

interface Queue {
  next: number;
}

/** Sends the messages, each connection the next one when one of its own is answered. Answers in how many seconds. */
export async function runGrpcLoad(load: GrpcLoad): Promise<number> {
  const pool = { 'grpc.use_local_subchannel_pool': 1 };
  const address = `127.0.0.1:${load.port}`;
  const clients = Array.from(
    { length: load.connections },
    () => new Client(address, credentials.createInsecure(), pool),
  );
  const queue: Queue = { next: 0 };
  const began = performance.now();
  try {
    const send = load.method === 'check' ? sendChecks : sendFilters;
    await Promise.all(clients.map((client) => send(client, load, queue)));
    return (performance.now() - began) / 1_000;
  } finally {
    for (const client of clients) client.close();
  }
}

function metadataOf({ key }: GrpcLoad): Metadata {
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${key}`);
  return metadata;
}

async function sendChecks(client: Client, load: GrpcLoad, queue: Queue): Promise<void> {
  const metadata = metadataOf(load);
  const one = async () => {
    while (queue.next < load.messages) {
      const n = queue.next++;
      load.accept(n, await check(client, load.message(n), metadata));
    }
  };
  await Promise.all(Array.from({ length: load.underWay }, one));
}

function check(client: Client, message: Buffer, metadata: Metadata): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(METHODS.check.path, asBytes, asBytes, message, metadata, (error, answer) => {
      if (error || !answer) reject(error ?? new Error('a call was answered by nothing'));
      else resolve(answer);
    });
  });
}

function sendFilters(client: Client, load: GrpcLoad, queue: Queue): Promise<void> {
  const stream: ClientDuplexStream<Buffer, Buffer> = client.makeBidiStreamRequest(
    METHODS.filter.path,
    asBytes,
    asBytes,
    metadataOf(load),
  );
  const sent: number[] = [];
  const sendNext = () => {
    if (queue.next >= load.messages) return false;
    sent.push(queue.next);
    stream.write(load.message(queue.next++));
    return true;
  };
  return new Promise((resolve, reject) => {
    stream.on('error', reject).on('end', resolve);
    stream.on('data', (answer: Buffer) => {
      try {
        load.accept(sent.shift() as number, answer);
        if (!sendNext() && sent.length === 0) stream.end();
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    });
    for (let begun = 0; begun < load.underWay; begun += 1) sendNext();
    if (sent.length === 0) stream.end();
  });
}
