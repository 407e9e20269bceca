import { setImmediate as turn } from 'node:timers/promises';
import { comparePositions, type EventStore, type Position, type StoredEvent } from '#event-store';

/** Events read at once, from the ledger or from one stream. */
const PAGE_SIZE = 250;

export interface Span {
  /** Exclusive; absent: from the start. */
  readonly after?: Position;
  /** Inclusive: what is appended later belongs to another reading, or a busy ledger would never come to its end. */
  readonly until: Position;
}

type Reads = Pick<EventStore, 'readAll' | 'readStream'>;

/** Every event of a span, in the order of the ledger, in pages. Rejects with `ForeignPosition` and `StoreUnavailable`. */
export async function* eventsOfLedger(
  store: Reads,
  { after, until }: Span,
): AsyncGenerator<{ readonly events: readonly StoredEvent[]; readonly position: Position }> {
  for (let from = after; ;) {
    const page = await store.readAll({ ...(from === undefined ? {} : { from }), limit: PAGE_SIZE });
    const events = page.events.filter(({ position }) => isUpTo(position, until));
    yield { events, position: page.position };
    if (page.atEnd || !isBefore(page.position, until)) return;
    from = page.position;
    // Reads of the embedded ledger are synchronous: without a turn of the event loop no signal would be heard.
    await turn();
  }
}

/** The events of some streams in the order of the ledger. No more than a page of each is in memory. */
export async function* eventsOfStreams(
  store: Reads,
  streams: readonly string[],
  { after, until }: Span,
): AsyncGenerator<StoredEvent, void> {
  const heads: Head[] = [];
  for (const stream of new Set(streams)) {
    const rest = eventsOf(store, stream);
    const { value: event } = await rest.next();
    if (event) heads.push({ event, rest });
  }
  while (heads.length > 0) {
    const first = heads.reduce((least, head) => (isBefore(head.event.position, least.event.position) ? head : least));
    if (!isUpTo(first.event.position, until)) return;
    if (after === undefined || isBefore(after, first.event.position)) yield first.event;
    const { value: next } = await first.rest.next();
    if (next) first.event = next;
    else heads.splice(heads.indexOf(first), 1);
  }
}

/** The first event of a stream that was not handed over yet, and those behind it. */
interface Head {
  event: StoredEvent;
  readonly rest: AsyncGenerator<StoredEvent, void>;
}

/** The events of one stream, in its order. */
export async function* eventsOf(
  store: Pick<EventStore, 'readStream'>,
  stream: string,
): AsyncGenerator<StoredEvent, void> {
  for (let from = '0'; ;) {
    const page = await store.readStream(stream, { from, limit: PAGE_SIZE });
    const last = page.at(-1);
    if (last === undefined) return;
    yield* page;
    from = String(Number(last.revision) + 1);
    await turn();
  }
}

function isBefore(one: Position, other: Position): boolean {
  return (comparePositions(one, other) ?? 0) < 0;
}

function isUpTo(position: Position, until: Position): boolean {
  return (comparePositions(position, until) ?? 1) <= 0;
}
