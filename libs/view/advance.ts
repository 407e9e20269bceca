import { hasReached, type EventStore, type Position, type StoredEvent } from '#event-store';
import { ViewMoved, type BusinessRow, type RecipientRow, type ViewStore } from './port.js';
import { businessOf, project, recipientOf, VIEW_PREFIXES, type UnreadableEvent } from './project.js';

export interface Step {
  readonly events: readonly StoredEvent[];
  /** Everything up to here is in the view once the events above are. */
  readonly position: Position;
  /** Where the events begin, exclusively; absent: with the ledger, or where the view is for certain. */
  readonly after?: Position | undefined;
}

/**
 * Brings a view one step further: reads the rows that the events touch, folds, and commits rows and position together.
 * Events that the view has passed are left out, so a step may overlap the one before. Gives the businesses that changed.
 * Rejects with `ViewMoved` where the view has not come to where the step begins: what lies between would be lost.
 */
export async function advance(
  storage: ViewStore,
  { events, position, after }: Step,
  onUnreadable: (event: UnreadableEvent) => void,
): Promise<readonly BusinessRow[]> {
  const view = storage.forProjector ?? storage;
  const from = await view.position();
  if (from !== undefined && hasReached(from, position)) return [];
  if (!isPast(from, after)) throw new ViewMoved('the view went back');
  const fresh = from === undefined ? events : events.filter((event) => !hasReached(from, event.position));
  const recipients = await recipientsBefore(view, fresh);
  const businesses = await businessesBefore(view, fresh);
  for (const event of fresh) project({ recipients, businesses }, event, onUnreadable);
  await view.commit({ recipients, businesses, from, to: position });
  return [...businesses.values()];
}

async function recipientsBefore(view: ViewStore, events: readonly StoredEvent[]): Promise<Map<string, RecipientRow>> {
  const recipientIds = [...new Set(events.flatMap(({ stream }) => recipientOf(stream) ?? []))];
  const before = new Map<string, RecipientRow>();
  if (recipientIds.length === 0) return before;
  const { rows } = await view.read(recipientIds);
  rows.forEach((row, index) => row && before.set(recipientIds[index] as string, row));
  return before;
}

/** All businesses are read to get at a few: registers change seldom, and there are few of them. */
async function businessesBefore(view: ViewStore, events: readonly StoredEvent[]): Promise<Map<string, BusinessRow>> {
  const touched = new Set(events.flatMap(({ stream }) => businessOf(stream) ?? []));
  if (touched.size === 0) return new Map();
  const rows = (await view.businesses()).filter(({ businessId }) => touched.has(businessId));
  return new Map(rows.map((row) => [row.businessId, row]));
}

export interface CatchUpOptions {
  readonly until: Position;
  readonly batchSize: number;
  readonly onUnreadable: (event: UnreadableEvent) => void;
  readonly signal: AbortSignal;
}

/** Brings a view to `until` or past it. Rejects where the signal aborts first. */
export async function catchUp(view: ViewStore, store: EventStore, options: CatchUpOptions): Promise<void> {
  for (let at = await view.position(); at === undefined || !hasReached(at, options.until); at = await view.position()) {
    options.signal.throwIfAborted();
    const from = at === undefined ? {} : { from: at };
    const page = await store.readAll({ ...from, prefixes: VIEW_PREFIXES, limit: options.batchSize });
    await advance(view, { ...page, after: at }, options.onUnreadable);
    if (page.atEnd && !hasReached(page.position, options.until)) throw new Error('the ledger ends before the position');
    await turnOfTheEventLoop();
  }
}

/** Whether a view at `position` holds everything up to `wanted`; undefined is before the first event. */
export function isPast(position: Position | undefined, wanted: Position | undefined): boolean {
  return wanted === undefined || (position !== undefined && hasReached(position, wanted));
}

/** Lets whoever waits for an answer have one between two batches. */
export function turnOfTheEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
