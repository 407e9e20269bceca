import { depthOf, type EventStore, type Position } from '#event-store';
import { turnOfTheEventLoop } from './advance.js';
import { VIEW_PREFIXES } from './project.js';
import { ViewBuilder, type RowSink } from './view-builder.js';

export interface RebuildProgress {
  /** Events done and events in the ledger; each is taken twice, and counts half each time. */
  readonly done: number;
  readonly total: number;
  /** Events a second, on average so far. */
  readonly perSecond: number;
}

export interface FillOptions {
  /** May be open read-only beside a running service. */
  readonly store: EventStore;
  readonly onProgress: (progress: RebuildProgress) => void;
  /** About so many events are folded in memory at once. */
  readonly eventsPerPart?: number;
}

/** How large the pages are in which a rebuild reads the ledger. */
export const PAGE_SIZE = 2_048;

const EVENTS_PER_PART = 5_000;
const MAX_PARTS = 4_096;

/** Fills a new view with what the ledger holds when it is read to its end. The directory must not exist, and is removed. */
export async function fillView(
  sink: RowSink,
  directory: string,
  options: FillOptions,
): Promise<{ readonly events: number; readonly seconds: number }> {
  const { store, eventsPerPart = EVENTS_PER_PART } = options;
  const began = performance.now();
  const total = depthOf(await store.head());
  const parts = Math.min(MAX_PARTS, Math.ceil(total / eventsPerPart) || 1);
  const tell = (done: number) => {
    const perSecond = (done * 1_000) / (performance.now() - began);
    options.onProgress({ done: Math.min(Math.round(done), total), total, perSecond });
  };
  const builder = new ViewBuilder(sink, directory, parts);
  try {
    const { events, position } = await sortAll(builder, store, (depth) => tell(depth / 2));
    for await (const folded of builder.fold()) {
      // One more on either side: a ledger without recipients comes to its end too.
      tell((total * (1 + (folded + 1) / (builder.sorted + 1))) / 2);
    }
    await builder.finish(position);
    return { events, seconds: (performance.now() - began) / 1_000 };
  } finally {
    builder.close();
  }
}

async function sortAll(builder: ViewBuilder, store: EventStore, tell: (depth: number) => void) {
  let events = 0;
  for (let at: Position | undefined; ;) {
    const from = at === undefined ? {} : { from: at };
    const page = await store.readAll({ ...from, prefixes: VIEW_PREFIXES, limit: PAGE_SIZE });
    builder.sort(page.events);
    events += page.events.length;
    at = page.position;
    tell(depthOf(at));
    if (page.atEnd) return { events, position: at };
    await turnOfTheEventLoop();
  }
}
