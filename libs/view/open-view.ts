import { join } from 'node:path';
import { hasReached, type Position } from '#event-store';
import type { DamagedRows } from './damaged-rows.js';
import { SqliteView } from './sqlite-view.js';
import { damageOf, ViewUnusable } from './view-database.js';
import { currentViewFile, nextViewFile, pointTo, removeOtherViewFiles, removeViewFile } from './view-files.js';

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

/**
 * Opens the view in use, or a new and empty one where there is none or where it cannot be used; `onUnusable` then hears
 * why. `head` is the ledger's: a view that claims to know more than the ledger holds belongs to a ledger that was lost.
 */
export async function openCurrentView(
  place: ViewPlace,
  head: Position,
  onUnusable: (error: ViewUnusable) => void,
): Promise<OpenedView> {
  const name = currentViewFile(place.dataDir);
  const opened = (name === undefined ? undefined : await tryOpen(place, name, head, onUnusable)) ?? create(place);
  removeOtherViewFiles(place.dataDir, opened.name);
  return opened;
}

async function tryOpen(
  place: ViewPlace,
  name: string,
  head: Position,
  onUnusable: (error: ViewUnusable) => void,
): Promise<OpenedView | undefined> {
  try {
    return await openNamedView(place, name, head);
  } catch (error) {
    const unusable = damageOf(error);
    if (unusable === undefined) throw error;
    onUnusable(unusable);
    return undefined;
  }
}

/** Opens one view file. Throws `ViewUnusable` where it must not be used with this ledger. */
export async function openNamedView(place: ViewPlace, name: string, head: Position): Promise<OpenedView> {
  const view = openFile(place, name);
  const position = await view.position();
  if (position === undefined || hasReached(head, position)) return { name, view };
  await view.close();
  throw new ViewUnusable('PAST_HEAD');
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

function openFile({ dataDir, damagedRows, ...options }: ViewPlace, name: string): SqliteView {
  const rows = damagedRows && { damagedRows: damagedRows() };
  return new SqliteView({ file: join(dataDir, name), ...options, ...rows });
}
