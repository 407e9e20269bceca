import { hasReached, type Position, type StoredEvent } from '#event-store';
import { ViewMoved } from './port.js';
import type { BusinessRow, RecipientRow, Snapshot, ViewChanges, ViewStore } from './port.js';
import { businessOf, project, recipientOf, type UnreadableEvent } from './project.js';

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
export interface Made {
  readonly from: Position | undefined;
  readonly changes?: ViewChanges;
}

/** Whom a step is about, and their rows, on their way. */
export interface AskedRows {
  readonly recipientIds: readonly string[];
  readonly snapshot: Promise<Snapshot>;
}

/** The position comes with the rows, in one question: what is folded and where it is put are of one and the same copy. */
export function askRows(view: ViewStore, events: readonly StoredEvent[]): AskedRows {
  const recipientIds = recipientIdsIn(events);
  const snapshot = view.read(recipientIds);
  // It may fail before anybody waits for it.
  snapshot.catch(() => undefined);
  return { recipientIds, snapshot };
}

/**
 * With changes `underway`, which must be committed before these, the rows are taken as those will leave them. Each of them
 * leads on from where the one before it leads to.
 */
export async function changesOf(
  view: ViewStore,
  { events, position, after }: Step,
  onUnreadable: (event: UnreadableEvent) => void,
  { recipientIds, snapshot }: AskedRows = askRows(view, events),
  underway: readonly ViewChanges[] = [],
): Promise<Made> {
  const { position: from, rows, generation } = asCommitted(await snapshot, recipientIds, underway);
  if ((from !== undefined && hasReached(from, position)) || !isPast(from, after)) return { from };
  const fresh = beyond(from, events);
  const before = new Map(recipientIds.map((recipientId, index) => [recipientId, rows[index]]));
  const [recipients, newcomers] = [new Map<string, RecipientRow>(), new Set<string>()];
  for (const recipientId of fresh === events ? recipientIds : recipientIdsIn(fresh)) {
    const row = before.get(recipientId);
    if (row === undefined) newcomers.add(recipientId);
    else recipients.set(recipientId, row);
  }
  const businesses = await businessesBefore(view, fresh, underway);
  for (const event of fresh) project({ recipients, businesses }, event, onUnreadable);
  return { from, changes: { recipients, newcomers, businesses, from, to: position, generation } };
}

/** The copy as the changes under way will leave it, where it is the one that they are for, read without some of them. */
function asCommitted(read: Snapshot, recipientIds: readonly string[], underway: readonly ViewChanges[]): Snapshot {
  const missed = underway.findIndex(({ from, generation }) => from === read.position && generation === read.generation);
  if (missed < 0) return read;
  const rows = [...read.rows];
  for (const { recipients } of underway.slice(missed)) {
    recipientIds.forEach((recipientId, index) => (rows[index] = recipients.get(recipientId) ?? rows[index]));
  }
  return { ...read, position: underway.at(-1)?.to, rows };
}

/** Events stand in the order of the ledger: where the first is new, all are. */
function beyond(from: Position | undefined, events: readonly StoredEvent[]): readonly StoredEvent[] {
  const [first] = events;
  if (from === undefined || first === undefined || !hasReached(from, first.position)) return events;
  return events.filter((event) => !hasReached(from, event.position));
}

function recipientIdsIn(events: readonly StoredEvent[]): readonly string[] {
  const recipientIds = new Set<string>();
  for (const { stream } of events) {
    const recipientId = recipientOf(stream);
    if (recipientId !== undefined) recipientIds.add(recipientId);
  }
  return [...recipientIds];
}

/** All businesses are read to get at a few: registers change seldom, and there are few of them. */
async function businessesBefore(
  view: ViewStore,
  events: readonly StoredEvent[],
  underway: readonly ViewChanges[],
): Promise<Map<string, BusinessRow>> {
  const touched = new Set(events.flatMap(({ stream }) => businessOf(stream) ?? []));
  if (touched.size === 0) return new Map();
  const rows = new Map<string, BusinessRow>();
  for (const row of [...(await view.businesses()), ...underway.flatMap(({ businesses }) => [...businesses.values()])]) {
    // What is under way may have been overtaken by whoever else moves the view.
    const isOlder = Number(rows.get(row.businessId)?.revision ?? -1) > Number(row.revision);
    if (touched.has(row.businessId) && !isOlder) rows.set(row.businessId, row);
  }
  return rows;
}

/** Whether a view at `position` holds everything up to `wanted`; undefined is before the first event. */
export function isPast(position: Position | undefined, wanted: Position | undefined): boolean {
  return wanted === undefined || (position !== undefined && hasReached(position, wanted));
}

/** Lets whoever waits for an answer have one between two batches. */
export function turnOfTheEventLoop(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
