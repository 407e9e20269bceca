import type { Context } from '../context.js';
import { encodeEvent, encodeStreamNotFound } from '../messages/read-response.js';
import type { ReadRequest } from '../messages/read-request.js';
import { backwardPages, forwardPages, streamPages, type Page } from '../reading/pages.js';
import { sieveOf } from '../reading/sieve.js';
import { streamDeleted } from '../refusal.js';
import { isMetastream } from '../system-streams.js';
import type { Outlet } from './outlet.js';

/** A number of events of a stream or of the whole ledger, in either direction. */
export async function read(context: Context, request: ReadRequest, outlet: Outlet): Promise<void> {
  const { source, from, backwards } = request;
  if (source.is === 'stream') return readStream(context, request, source.stream, outlet);
  const sieve = sieveOf(request.filter);
  const pages = backwards ? backwardPages(context.store, from, sieve) : forwardPages(context.store, from, sieve);
  await sendPages(pages, request, outlet);
}

async function readStream(context: Context, request: ReadRequest, stream: string, outlet: Outlet): Promise<void> {
  if (context.system.isTombstoned(stream)) throw streamDeleted(stream);
  const pages = streamPages(context, { stream, from: request.from, backwards: request.backwards });
  const sent = await sendPages(pages, request, outlet);
  if (sent === 0 && !(await exists(context, stream))) await outlet.send(encodeStreamNotFound(stream));
}

/** How many were sent. */
async function sendPages(pages: AsyncIterable<Page>, request: ReadRequest, outlet: Outlet): Promise<number> {
  const wanted = request.count === 'subscription' ? Infinity : request.count;
  let sent = 0;
  if (wanted === 0) return sent;
  for await (const page of pages) {
    const events = page.slice(0, wanted - sent);
    await outlet.sendEach(events, (event) => encodeEvent(event, request));
    sent += events.length;
    if (sent >= wanted) return sent;
  }
  return sent;
}

async function exists({ store, system }: Context, stream: string): Promise<boolean> {
  if (isMetastream(stream)) return system.read(stream).length > 0;
  const [last] = await store.readStream(stream, { direction: 'backwards', limit: 1 });
  return last !== undefined && Number(last.revision) >= system.truncatedBefore(stream);
}
