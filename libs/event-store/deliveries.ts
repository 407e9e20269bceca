import { setImmediate as turn } from 'node:timers/promises';
import type { AllPage, Delivery, Position, ReadAllOptions, SubscribeOptions } from './port.js';
import { unlessAborted } from './unless-aborted.js';
import type { Wake } from './wake.js';

const BATCH_SIZE = 500;

export interface DeliverySource {
  readonly start: Position;
  readonly wake: Wake;
  /** Aborts when the store closes. */
  readonly closing: AbortSignal;
  readAll(options: ReadAllOptions): Promise<AllPage>;
}

/** Pages from a position to the end, a mark there, and again whenever something was appended, until aborted or closed. */
export async function* deliveriesOf(source: DeliverySource, options: SubscribeOptions): AsyncGenerator<Delivery, void> {
  const signal = options.signal ? AbortSignal.any([options.signal, source.closing]) : source.closing;
  const { prefixes, batchSize = BATCH_SIZE } = options;
  let position = options.from ?? source.start;
  let marked: Position | undefined;
  while (!signal.aborted) {
    const ticket = source.wake.ticket();
    const wanted = { from: position, limit: batchSize, ...(prefixes ? { prefixes } : {}) };
    const page = await unlessAborted(signal, source.readAll(wanted));
    if (page === undefined) return;
    position = page.position;
    if (page.events.length > 0 || !page.atEnd) yield { events: page.events, position, caughtUp: false };
    if (page.atEnd && marked !== position) yield { events: [], position: (marked = position), caughtUp: true };
    // Reads are synchronous: without a turn of the event loop between pages a long catching-up would starve the rest.
    await (page.atEnd ? source.wake.after(ticket, signal) : turn());
  }
}
