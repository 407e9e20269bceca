import { randomUUID } from 'node:crypto';
import { depthOf, type Delivery, type EventStore, type Position } from '#event-store';
import type { Context } from '../context.js';
import {
  encodeCaughtUp,
  encodeCheckpoint,
  encodeConfirmation,
  encodeEvent,
  encodeFellBehind,
} from '../messages/read-response.js';
import type { Place, ReadRequest } from '../messages/read-request.js';
import { PAGE_EVENTS, positionAt } from '../reading/pages.js';
import { sieveOf, type Sieve } from '../reading/sieve.js';
import type { Outlet } from './outlet.js';

/** Everything in the ledger after a place, and then whatever is appended, until the reader goes. */
export async function subscribeToAll(context: Context, request: ReadRequest, outlet: Outlet): Promise<void> {
  const { store } = context;
  const sieve = sieveOf(request.filter);
  const from = await startOf(store, request.from);
  await outlet.send(encodeConfirmation(randomUUID()));
  const subscriber = new Subscriber(request, sieve, outlet, depthOf(from));
  const prefixes = sieve.prefixes ? { prefixes: sieve.prefixes } : {};
  for await (const delivery of store.subscribe({ from, batchSize: PAGE_EVENTS, signal: outlet.signal, ...prefixes })) {
    await subscriber.take(delivery);
  }
}

async function startOf(store: EventStore, from: Place): Promise<Position> {
  if (from === 'end') return store.head();
  return positionAt(store, from === 'start' ? 0 : from);
}

/** What one subscription has sent, and what it therefore sends next. */
class Subscriber {
  private isLive = false;

  constructor(
    private readonly request: ReadRequest,
    private readonly sieve: Sieve,
    private readonly outlet: Outlet,
    /** Where the reader was last told that everything up to there was looked at. */
    private checkpoint: number,
  ) {}

  async take({ events, position, caughtUp }: Delivery): Promise<void> {
    const n = depthOf(position);
    if (this.isLive && events.length === PAGE_EVENTS) await this.fallBehind(n);
    await this.outlet.sendEach(this.sieve.pick(events), (event) => encodeEvent(event, this.request));
    const reachedEnd = caughtUp && !this.isLive;
    await this.checkpointIfDue(n, reachedEnd);
    if (reachedEnd) await this.outlet.send(encodeCaughtUp({ n }));
    this.isLive ||= caughtUp;
  }

  /** Also at the end of the history, so that what the filter has passed by is not looked at again. */
  private async checkpointIfDue(n: number, reachedEnd: boolean): Promise<void> {
    const { filter } = this.request;
    if (!filter || n === this.checkpoint) return;
    if (!reachedEnd && n - this.checkpoint < filter.checkpointInterval) return;
    this.checkpoint = n;
    await this.outlet.send(encodeCheckpoint(n));
  }

  private async fallBehind(n: number): Promise<void> {
    this.isLive = false;
    await this.outlet.send(encodeFellBehind({ n }));
  }
}
