/**
 * The floor of the gRPC figures: grpc-js alone, which sends bytes that the service sent before, one answer after the
 * other, and looks at nothing. It ends with its parent.
 */
import { once } from 'node:events';
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { METHODS } from '#grpc-messages';

/** In base64, since bytes do not pass from process to process as such. */
export interface CannedMessages {
  readonly checks: readonly string[];
  readonly filters: readonly string[];
}

const asBytes = (message: Buffer): Buffer => message;

process.on('disconnect', () => process.exit(0));
process.once('message', ({ checks, filters }: CannedMessages) => {
  const [nextCheck, nextFilter] = [inTurn(checks), inTurn(filters)];
  const server = new Server();
  const check = (_call: unknown, callback: (error: null, answer: Buffer) => void) => callback(null, nextCheck());
  server.register(METHODS.check.path, check, asBytes, asBytes, 'unary');
  const filter = (call: ServerDuplexStream<Buffer, Buffer>) => void answerEach(call, nextFilter);
  server.register(METHODS.filter.path, filter, asBytes, asBytes, 'bidi');
  server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) => {
    if (error) throw error;
    process.send?.(port);
  });
});

function inTurn(canned: readonly string[]): () => Buffer {
  const messages = canned.map((text) => Buffer.from(text, 'base64'));
  let next = 0;
  return () => messages[next++ % messages.length] as Buffer;
}

async function answerEach(call: ServerDuplexStream<Buffer, Buffer>, next: () => Buffer): Promise<void> {
  for await (const message of call.iterator({ destroyOnReturn: false })) {
    if (!Buffer.isBuffer(message)) throw new Error('a message is bytes');
    if (!call.write(next())) await once(call, 'drain');
  }
  call.end();
}
