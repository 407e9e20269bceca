import { depthOf, type EventStore, type Position, type StoredEvent } from '#event-store';
import type { Place } from '../messages/read-request.js';
import type { ServedEvent } from '../messages/read-response.js';
import { isMetastream, type SystemStreams } from '../system-streams.js';
import type { Sieve } from './sieve.js';

/** Events read at once: few enough that every reader may hold a page of large ones, many enough to cost little. */
export const PAGE_EVENTS = 32;
/** Numbers that a backward page looks through where a filter picks few. */
const WIDEST_WINDOW = 2_048;

export type Page = readonly ServedEvent[];
type Events = readonly StoredEvent[];

interface StreamReading {
  readonly stream: string;
  readonly from: Place;
  readonly backwards: boolean;
}

/** Pages of one stream from a place, which belongs to them, to its present end. */
export async function* streamPages(
  sources: { readonly store: EventStore; readonly system: SystemStreams },
  reading: StreamReading,
): AsyncGenerator<Page, void> {
  if (isMetastream(reading.stream)) {
    yield metadataPage(sources.system, reading);
    return;
  }
  const before = sources.system.truncatedBefore(reading.stream);
  let next = firstRevision(reading, before);
  while (next !== undefined) {
    const page = await readPage(sources.store, reading, next);
    yield page.filter(({ revision }) => Number(revision) >= before);
    next = nextRevision(page, reading.backwards, before);
  }
}

function readPage(store: EventStore, { stream, backwards }: StreamReading, next: number | 'end'): Promise<Events> {
  const place = next === 'end' ? {} : { from: String(next) };
  return store.readStream(stream, { ...place, direction: backwards ? 'backwards' : 'forwards', limit: PAGE_EVENTS });
}

/** Undefined: there is nothing to read. */
function firstRevision({ from, backwards }: StreamReading, before: number): number | 'end' | undefined {
  if (from === 'end') return backwards ? 'end' : undefined;
  const start = from === 'start' ? 0 : Math.min(from, Number.MAX_SAFE_INTEGER);
  return backwards ? start : Math.max(start, before);
}

function nextRevision(page: readonly StoredEvent[], backwards: boolean, before: number): number | undefined {
  const last = page.at(-1);
  if (last === undefined || page.length < PAGE_EVENTS) return undefined;
  const next = Number(last.revision) + (backwards ? -1 : 1);
  return next < before ? undefined : next;
}

/** The metadata of one stream is short, and is kept elsewhere. */
function metadataPage(system: SystemStreams, { stream, from, backwards }: StreamReading): Page {
  const all = system.read(stream);
  if (backwards) return all.slice(0, from === 'end' ? undefined : place(from) + 1).reverse();
  return from === 'end' ? [] : all.slice(place(from));
}

const place = (from: Exclude<Place, 'end'>): number => (from === 'start' ? 0 : from);

/** Pages of the whole ledger from a place, which belongs to them, to its present end. */
export async function* forwardPages(store: EventStore, from: Place, sieve: Sieve): AsyncGenerator<Page, void> {
  if (from === 'end') return;
  const prefixes = sieve.prefixes ? { prefixes: sieve.prefixes } : {};
  let position = positionBefore(store, from === 'start' ? 0 : from);
  for (let atEnd = false; !atEnd;) {
    const page = await store.readAll({ from: position, limit: PAGE_EVENTS, ...prefixes });
    ({ position, atEnd } = page);
    yield sieve.pick(page.events);
  }
}

/** What stands at `n` is the first thing after this. */
function positionBefore(store: EventStore, n: number): Position {
  return positionAt(store, Math.max(0, n - 1));
}

/** A number past every ledger is cut to the largest that a position can have. */
export function positionAt({ ledgerId }: EventStore, n: number): Position {
  return `${ledgerId}.${Math.min(n, 10 ** 15 - 1)}`;
}

/**
 * Pages of the whole ledger backwards from a place, which does not belong to them: EventStoreDB takes it for the end of
 * the event before. The store reads forwards only, so each page is a window of numbers, turned round.
 */
export async function* backwardPages(store: EventStore, from: Place, sieve: Sieve): AsyncGenerator<Page, void> {
  const head = depthOf(await store.head());
  let until = from === 'end' ? head + 1 : Math.min(from === 'start' ? 0 : from, head + 1);
  let window = PAGE_EVENTS;
  while (until > 1) {
    const first = Math.max(1, until - window);
    const picked = (await pickedIn(store, first, until, sieve)).toReversed();
    yield picked;
    window = picked.length < PAGE_EVENTS / 2 ? Math.min(2 * window, WIDEST_WINDOW) : PAGE_EVENTS;
    until = first;
  }
}

/** A page of the store may end before the window does, where its events are large. */
async function pickedIn(store: EventStore, first: number, until: number, sieve: Sieve): Promise<Events> {
  const prefixes = sieve.prefixes ? { prefixes: sieve.prefixes } : {};
  const picked: StoredEvent[] = [];
  for (let from = positionBefore(store, first); ;) {
    const page = await store.readAll({ from, limit: until - depthOf(from) - 1, ...prefixes });
    picked.push(...sieve.pick(page.events.filter(({ position }) => depthOf(position) < until)));
    from = page.position;
    if (page.atEnd || depthOf(from) >= until - 1) return picked;
  }
}
