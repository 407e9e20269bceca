import { hasReached, type EventStore, type Position, type StoredEvent } from '#event-store';
import { ViewMoved } from './port.js';
import type { BusinessRow, RecipientRow, Snapshot, ViewChanges, ViewStore } from './port.js';
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
  step: Step,
  onUnreadable: (event: UnreadableEvent) => void,
): Promise<readonly BusinessRow[]> {
  const view = storage.forProjector ?? storage;
  const { from, changes } = await changesOf(view, step, onUnreadable);
  if (!isPast(from, step.after)) throw new ViewMoved('the view went back');
  if (changes === undefined) return [];
  await view.commit(changes);
  return [...changes.businesses.values()];
}

/** What a step makes of a view that stands at `from`: nothing where the view is past it, or has not come to it. */
interface Made {
  readonly from: Position | undefined;
  readonly changes?: ViewChanges;
}

/**
 * The position comes with the rows, in one question: what is folded and where it is put are of one and the same copy.
 * With changes `underway`, which must be committed before these, the rows are taken as those will leave them.
 */
async function changesOf(
  view: ViewStore,
  { events, position, after }: Step,
  onUnreadable: (event: UnreadableEvent) => void,
  underway?: ViewChanges,
): Promise<Made> {
  const recipientIds = recipientIdsIn(events);
  const { position: from, rows } = asCommitted(await snapshotOf(view, recipientIds), recipientIds, underway);
  if ((from !== undefined && hasReached(from, position)) || !isPast(from, after)) return { from };
  const fresh = from === undefined ? events : events.filter((event) => !hasReached(from, event.position));
  const before = new Map(recipientIds.map((recipientId, index) => [recipientId, rows[index]]));
  const recipients = new Map<string, RecipientRow>();
  for (const recipientId of fresh === events ? recipientIds : recipientIdsIn(fresh)) {
    const row = before.get(recipientId);
    if (row !== undefined) recipients.set(recipientId, row);
  }
  const businesses = await businessesBefore(view, fresh, underway);
  for (const event of fresh) project({ recipients, businesses }, event, onUnreadable);
  return { from, changes: { recipients, businesses, from, to: position } };
}

async function snapshotOf(view: ViewStore, recipientIds: readonly string[]): Promise<Snapshot> {
  return recipientIds.length === 0 ? { position: await view.position(), rows: [] } : view.read(recipientIds);
}

/** The copy as the changes under way will leave it, where it was read without them. */
function asCommitted(read: Snapshot, recipientIds: readonly string[], underway: ViewChanges | undefined): Snapshot {
  if (underway === undefined || read.position !== underway.from) return read;
  const rows = recipientIds.map((recipientId, index) => underway.recipients.get(recipientId) ?? read.rows[index]);
  return { position: underway.to, rows };
}

function recipientIdsIn(events: readonly StoredEvent[]): readonly string[] {
  return [...new Set(events.flatMap(({ stream }) => recipientOf(stream) ?? []))];
}

/** All businesses are read to get at a few: registers change seldom, and there are few of them. */
async function businessesBefore(
  view: ViewStore,
  events: readonly StoredEvent[],
  underway: ViewChanges | undefined,
): Promise<Map<string, BusinessRow>> {
  const touched = new Set(events.flatMap(({ stream }) => businessOf(stream) ?? []));
  if (touched.size === 0) return new Map();
  const rows = [...(await view.businesses()), ...(underway?.businesses.values() ?? [])];
  return new Map(rows.filter(({ businessId }) => touched.has(businessId)).map((row) => [row.businessId, row]));
}

export interface CatchUpOptions {
  readonly until: Position;
  readonly batchSize: number;
  readonly onUnreadable: (event: UnreadableEvent) => void;
  readonly signal: AbortSignal;
}

/**
 * Brings a view to `until` or past it, folding the next events while the last ones are being committed. Rejects where the
 * signal aborts first.
 */
export async function catchUp(storage: ViewStore, store: EventStore, options: CatchUpOptions): Promise<void> {
  const view = storage.forProjector ?? storage;
  const { until, batchSize: limit, onUnreadable, signal } = options;
  let underway: Underway | undefined;
  try {
    for (let at = await view.position(); at === undefined || !hasReached(at, until);) {
      signal.throwIfAborted();
      const page = await store.readAll({ ...(at === undefined ? {} : { from: at }), prefixes: VIEW_PREFIXES, limit });
      const { from, changes } = await changesOf(view, { ...page, after: at }, onUnreadable, underway?.changes);
      await underway?.committed;
      underway = changes && commit(view, changes);
      // Where there is nothing to commit, another moved the view on, or it went back: from there, then.
      at = changes === undefined ? from : page.position;
      if (page.atEnd && !hasReached(page.position, until)) throw new Error('the ledger ends before the position');
      // The commit leaves for the storage by then: a ledger on this thread is read while the storage works.
      await turnOfTheEventLoop();
    }
    await underway?.committed;
  } finally {
    await underway?.committed.catch(() => undefined);
  }
}

/** Changes that have been sent to the storage, and may be in it or not. */
interface Underway {
  readonly changes: ViewChanges;
  readonly committed: Promise<void>;
}

function commit(view: ViewStore, changes: ViewChanges): Underway {
  const committed = view.commit(changes);
  // It may fail before anybody waits for it.
  committed.catch(() => undefined);
  return { changes, committed };
}

/** Whether a view at `position` holds everything up to `wanted`; undefined is before the first event. */
export function isPast(position: Position | undefined, wanted: Position | undefined): boolean {
  return wanted === undefined || (position !== undefined && hasReached(position, wanted));
}

/** Lets whoever waits for an answer have one between two batches. */
export function turnOfTheEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
