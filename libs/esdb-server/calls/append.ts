import type { ServerReadableStream } from '@grpc/grpc-js';
import type { Context } from '../context.js';
import { encodeAppended, encodeWrongVersion, type AppendRequest } from '../messages/append.js';
import { gone, invalid, readOnly, tooLarge } from '../refusal.js';
import { appendEvents } from './append-events.js';
import { Gathered } from './gathered.js';

type AppendCall = ServerReadableStream<AppendRequest, Buffer>;

/** Append: one append as a stream of messages, written when the client has sent the last. */
export async function append(context: Context, call: AppendCall): Promise<Buffer> {
  if (!context.writable) throw readOnly();
  const gathered = await gather(call, context.limits.appendBytes);
  if (gathered.isTooLarge) throw tooLarge(context.limits.appendBytes);
  const outcome = await appendEvents(context, gathered.target, gathered.events);
  return 'wrong' in outcome ? encodeWrongVersion(outcome.wrong) : encodeAppended(outcome);
}

/** A connection that was reset never says that the client has sent the last: then the call closes without it. */
function gather(call: AppendCall, limitBytes: number): Promise<Gathered> {
  return new Promise((resolve, reject) => {
    let gathered: Gathered | undefined;
    call.on('data', ({ target, event }: AppendRequest) => {
      if (target) gathered = new Gathered(target, limitBytes);
      if (event) gathered?.add(event);
    });
    call.on('end', () => (gathered ? resolve(gathered) : reject(invalid('the first message names the stream'))));
    call.on('close', () => reject(gone()));
  });
}
