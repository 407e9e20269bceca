import { randomUUID } from 'node:crypto';
import type { Context } from '../context.js';
import { encodeCaughtUp, encodeConfirmation, encodeEvent } from '../messages/read-response.js';
import type { Place, ReadRequest } from '../messages/read-request.js';
import { PAGE_EVENTS, streamPages } from '../reading/pages.js';
import { streamDeleted } from '../refusal.js';
import type { Outlet } from './outlet.js';

/**
 * The events of one stream after a place, and then whatever is appended to it. The stream is read by its own index; a
 * subscription to the ledger from before that reading only tells when to look again.
 */
export async function subscribeToStream(
  context: Context,
  request: ReadRequest,
  stream: string,
  outlet: Outlet,
): Promise<void> {
  const { store } = context;
  const head = await store.head();
  let next = await firstRevision(context, request.from, stream);
  await outlet.send(encodeConfirmation(randomUUID()));
  next = await sendFrom(context, request, { stream, next }, outlet);
  await outlet.send(encodeCaughtUp(next === 0 ? {} : { revision: next - 1 }));
  const bell = store.subscribe({ from: head, prefixes: [stream], batchSize: PAGE_EVENTS, signal: outlet.signal });
  for await (const { events } of bell) {
    const isNew = events.some((event) => event.stream === stream && Number(event.revision) >= next);
    if (isNew) next = await sendFrom(context, request, { stream, next }, outlet);
  }
}

/** Exclusive: a client names the last event that it has. */
async function firstRevision({ store }: Context, from: Place, stream: string): Promise<number> {
  if (from === 'start') return 0;
  if (from !== 'end') return from + 1;
  const [last] = await store.readStream(stream, { direction: 'backwards', limit: 1 });
  return last ? Number(last.revision) + 1 : 0;
}

/** The revision to go on from. */
async function sendFrom(
  context: Context,
  request: ReadRequest,
  { stream, next }: { readonly stream: string; readonly next: number },
  outlet: Outlet,
): Promise<number> {
  if (context.system.isTombstoned(stream)) throw streamDeleted(stream);
  let reached = next;
  for await (const page of streamPages(context, { stream, from: next, backwards: false })) {
    await outlet.sendEach(page, (event) => encodeEvent(event, request));
    const last = page.at(-1);
    if (last) reached = Number(last.revision) + 1;
  }
  return reached;
}
