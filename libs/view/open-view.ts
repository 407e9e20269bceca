import { join } from 'node:path';
import { hasReached, type Position } from '#event-store';
import { StorageError, storageErrorOf } from '#sqlite';
import type { DamagedRows } from './damaged-rows.js';
import { SqliteView } from './sqlite-view.js';
import { damageOf, ViewUnusable, type Checking } from './view-database.js';
import { currentViewFile, keepViewFile, nextViewFile, otherViewFiles, pointTo, removeViewFile } from './view-files.js';

export interface ViewPlace {
  readonly dataDir: string;
  readonly ledgerId: string;
  readonly cacheEntries: number;
  readonly cacheBytes?: number;
  /** For a file that is read from now on. */
  readonly damagedRows?: () => DamagedRows;
}

/** A view and the file it is in. */
export interface OpenedView {
  readonly name: string;
  readonly view: SqliteView;
}

/** Hears why a view file is not used, and under which name it was kept, where it was. */
export type OnUnusable = (error: ViewUnusable, keptAs?: string) => void;

/**
 * Opens the view in use, or a new and empty one where there is none or where it cannot be used; `onUnusable` then hears
 * why. `head` is the ledger's: a view that claims to know more than the ledger holds belongs to a ledger that was lost,
 * and is kept for whoever looks for what is missing.
 */
export async function openCurrentView(place: ViewPlace, head: Position, onUnusable: OnUnusable): Promise<OpenedView> {
  const opened = (await tryOpen(place, head, onUnusable)) ?? create(place);
  for (const name of otherViewFiles(place.dataDir, opened.name)) await putAway(place, name, head, onUnusable);
  return opened;
}

async function tryOpen(place: ViewPlace, head: Position, onUnusable: OnUnusable): Promise<OpenedView | undefined> {
  let name: string | undefined;
  try {
    name = currentViewFile(place.dataDir);
    return name === undefined ? undefined : await openNamedView(place, name, head);
  } catch (error) {
    const unusable = unusableAtStart(error);
    if (unusable === undefined) throw error;
    tell(place, name, unusable, onUnusable);
    return undefined;
  }
}

function tell({ dataDir }: ViewPlace, name: string | undefined, unusable: ViewUnusable, onUnusable: OnUnusable): void {
  if (name !== undefined && unusable.why === 'PAST_HEAD') onUnusable(unusable, keepViewFile(dataDir, name));
  else onUnusable(unusable);
}

/**
 * Whatever keeps a view from being opened or read is mended by a new one under another name; only a disk without room has
 * none for that either. A defect of this program, which has no code, is none of the file's.
 */
function unusableAtStart(error: unknown): ViewUnusable | undefined {
  const damage = damageOf(error);
  if (damage !== undefined || codeOf(error) === undefined || isForWantOfRoom(error)) return damage;
  return new ViewUnusable('UNREADABLE', { cause: error });
}

/** A quota that is used up, SQLite calls a failed write. */
function isForWantOfRoom(error: unknown): boolean {
  const told = error instanceof StorageError ? error.cause : error;
  return codeOf(told) === 'SQLITE_IOERR_WRITE' || storageErrorOf(error)?.problem === 'NO_SPACE';
}

/** What SQLite, the system and our own errors are told by. */
function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}

/**
 * Removes a file that is not in use, but for one that the ledger ends before: a rebuild may have taken its place before
 * anybody noticed. What cannot be removed is in nobody's way.
 */
async function putAway(place: ViewPlace, name: string, head: Position, onUnusable: OnUnusable): Promise<void> {
  try {
    await (await openNamedView(place, name, head, { everyPage: false })).view.close();
  } catch (error) {
    if (error instanceof ViewUnusable && error.why === 'PAST_HEAD') return tell(place, name, error, onUnusable);
  }
  try {
    removeViewFile(place.dataDir, name);
  } catch {
    return;
  }
}

/** Opens one view file. Throws `ViewUnusable` where it must not be used with this ledger. */
export async function openNamedView(
  place: ViewPlace,
  name: string,
  head: Position,
  checking: Checking = {},
): Promise<OpenedView> {
  const view = openFile(place, name, checking);
  const position = await view.position();
  if (position === undefined || hasReached(head, position)) return { name, view };
  await view.close();
  throw new ViewUnusable('PAST_HEAD', { cause: new Error(`it stands at ${position}, and the ledger ends at ${head}`) });
}

function create(place: ViewPlace): OpenedView {
  const opened = createView(place);
  pointTo(place.dataDir, opened.name);
  return opened;
}

/** A new and empty view file that nothing points to yet. */
export function createView(place: ViewPlace): OpenedView {
  const name = nextViewFile(place.dataDir);
  try {
    return { name, view: openFile(place, name) };
  } catch (error) {
    removeViewFile(place.dataDir, name);
    throw error;
  }
}

function openFile({ dataDir, damagedRows, ...options }: ViewPlace, name: string, checking: Checking = {}): SqliteView {
  const rows = damagedRows && { damagedRows: damagedRows() };
  return new SqliteView({ file: join(dataDir, name), ...options, ...rows, checking });
}
