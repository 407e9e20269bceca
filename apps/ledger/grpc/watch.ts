import { once } from 'node:events';
import { Metadata, type ServerWritableStream } from '@grpc/grpc-js';
import { WATCH_REQUEST, WATCH_RESPONSE } from '#grpc-messages';
import { isPosition, type Position } from '#event-store';
import { WatchEnded, type Told } from '#feed';
import { invalid } from '#platform';
import { unauthenticated, type Authenticator } from '../authenticate.js';
import { stopping } from '../failures.js';
import type { Parts } from '../parts.js';
import { requireBusinessWithNews, type Asked } from './asked.js';
import type { Ending } from './calls.js';
import { SERVED } from './methods.js';

export type WatchCall = ServerWritableStream<Buffer, Buffer>;

export interface Watching {
  readonly asked: Asked;
  readonly call: WatchCall;
  readonly ending: Ending;
}

/** The live feed over gRPC, until the caller goes, the key is deleted, the feed cuts it off or the service stops. */
export async function watch({ asked, call, ending }: Watching, parts: Parts, auth: Authenticator): Promise<void> {
  const { businessId: named, fromPosition } = WATCH_REQUEST.decode(call.request);
  const businessId = await requireBusinessWithNews(parts, asked.principal, SERVED.watch, named);
  const from = placeOf(fromPosition, parts.store.ledgerId);
  const { signal } = ending;
  const feed = parts.feed.watch(from === undefined ? { businessId, signal } : { businessId, from, signal });
  const letGo = auth.hold(asked.principal, () => ending.end(unauthenticated()));
  feed.cut.addEventListener('abort', () => ending.end(reasonOf(feed.cut.reason)), { once: true });
  try {
    let isOpen = false;
    for await (const told of feed) {
      // Only now, so that a place which cannot be watched from is refused before anything was said.
      if (!isOpen) call.sendMetadata(new Metadata());
      isOpen = true;
      if (!call.write(bytesOf(told))) await once(call, 'drain', { signal });
    }
  } finally {
    letGo();
  }
}

function reasonOf(reason: unknown): unknown {
  return reason instanceof WatchEnded && reason.reason === 'closing' ? stopping() : reason;
}

function placeOf(from: string | undefined, ledgerId: string): Position | undefined {
  if (from === undefined || isPosition(from)) return from;
  if (from === 'start') return `${ledgerId}.0`;
  throw invalid([
    { field: 'fromPosition', code: 'POSITION', message: 'Send a position as an earlier answer gave it.' },
  ]);
}

/** A change is told to everybody who watches the business: it is written out once. */
const written = new WeakMap<Told, Buffer>();

function bytesOf(told: Told): Buffer {
  let bytes = written.get(told);
  if (!bytes) written.set(told, (bytes = encode(told)));
  return bytes;
}

function encode(told: Told): Buffer {
  const { position } = told;
  if (told.kind === 'watermark') {
    return WATCH_RESPONSE.encode({ position, watermark: told.at === undefined ? {} : { at: told.at } });
  }
  const { method, ...change } = told.change;
  return WATCH_RESPONSE.encode({ position, change: method === null ? change : { ...change, method } });
}
