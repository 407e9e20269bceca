import { EVENT_SCHEMA, RULES_VERSION } from '#consent';
import type { Position } from '#event-store';
import { openDatabase, storageErrorOf, type SqliteDatabase } from '#sqlite';
import { CODEC_VERSION } from './codec.js';
import type { BusinessRow } from './port.js';

const TABLES_VERSION = 1;

/** Everything that decides what stands in a row: a view made under another form is dropped, not converted. */
export const VIEW_FORM = `codec ${CODEC_VERSION}, events ${EVENT_SCHEMA}, rules ${RULES_VERSION}`;

/** Why a view file cannot be used and is to be made anew. `UNREADABLE`: it, or what points to it, cannot be had at all. */
export type Unusable = 'FOREIGN_LEDGER' | 'PAST_HEAD' | 'OTHER_FORM' | 'DAMAGED' | 'UNREADABLE';

export class ViewUnusable extends Error {
  readonly code = 'VIEW_UNUSABLE';
  constructor(
    readonly why: Unusable,
    options?: ErrorOptions,
  ) {
    super(`the view file cannot be used: ${why}`, options);
  }
}

const TABLES = `
  CREATE TABLE recipients (recipient_id TEXT PRIMARY KEY, business_id TEXT NOT NULL, state TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE businesses (business_id TEXT PRIMARY KEY, revision TEXT NOT NULL, state TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE about (ledger_id TEXT NOT NULL, form TEXT NOT NULL, position TEXT);
`;

export interface Checking {
  /** Reads the whole file, a second for each 350 MB in which this thread does nothing else; `false`: whoever made it did. */
  readonly everyPage?: boolean;
}

/**
 * Opens a view file of this ledger, made where there is none. Throws `ViewUnusable` where it belongs to another ledger
 * or form or is damaged, and a `StorageError` where the disk does not let it be opened at all.
 */
export function openViewDatabase(file: string, ledgerId: string, { everyPage = true }: Checking = {}): SqliteDatabase {
  const db = openOrNameDamage(file, ledgerId);
  try {
    if (everyPage && db.pragma('quick_check(1)', { simple: true }) !== 'ok') throw new ViewUnusable('DAMAGED');
    checkAbout(db, ledgerId);
    return db;
  } catch (error) {
    db.close();
    throw damageOf(error) ?? error;
  }
}

function openOrNameDamage(file: string, ledgerId: string): SqliteDatabase {
  const migrate = (db: SqliteDatabase) => {
    db.exec(TABLES);
    db.prepare('INSERT INTO about VALUES (?, ?, NULL)').run(ledgerId, VIEW_FORM);
  };
  try {
    return openDatabase(file, { synchronous: 'NORMAL', schemaVersion: TABLES_VERSION, migrate });
  } catch (error) {
    throw damageOf(error) ?? error;
  }
}

function checkAbout(db: SqliteDatabase, ledgerId: string): void {
  const about = db.prepare('SELECT ledger_id, form FROM about').raw().get() as [string, string] | undefined;
  if (about === undefined) throw new ViewUnusable('DAMAGED');
  if (about[0] !== ledgerId) throw new ViewUnusable('FOREIGN_LEDGER');
  if (about[1] !== VIEW_FORM) throw new ViewUnusable('OTHER_FORM');
}

/** The same failure as `ViewUnusable` where making the file anew mends it; a full or failing disk is not of that kind. */
export function damageOf(error: unknown): ViewUnusable | undefined {
  if (error instanceof ViewUnusable) return error;
  const problem = storageErrorOf(error)?.problem;
  if (problem === 'SCHEMA') return new ViewUnusable('OTHER_FORM', { cause: error });
  return problem === 'CORRUPT' ? new ViewUnusable('DAMAGED', { cause: error }) : undefined;
}

export function positionIn(db: SqliteDatabase): Position | undefined {
  const about = db.prepare('SELECT position FROM about').raw().get() as [Position | null] | undefined;
  return about?.[0] ?? undefined;
}

/** Gives what puts `to` in place of `from`, and says whether `from` was what stood there. */
export function positionMover(db: SqliteDatabase): (from: Position | undefined, to: Position) => boolean {
  const move = db.prepare<[Position, Position | null]>('UPDATE about SET position = ? WHERE position IS ?');
  return (from, to) => move.run(to, from ?? null).changes === 1;
}

export const SAVE_RECIPIENT = `
  INSERT INTO recipients VALUES (?, ?, ?)
  ON CONFLICT (recipient_id) DO UPDATE SET business_id = excluded.business_id, state = excluded.state`;

export function saveBusiness(db: SqliteDatabase, { businessId, revision, state }: BusinessRow): void {
  db.prepare(
    `INSERT INTO businesses VALUES (?, ?, ?)
     ON CONFLICT (business_id) DO UPDATE SET revision = excluded.revision, state = excluded.state`,
  ).run(businessId, revision, JSON.stringify(state));
}

export type StoredBusiness = readonly [businessId: string, revision: string, state: string];

export function businessesIn(db: SqliteDatabase): readonly StoredBusiness[] {
  const rows = db.prepare('SELECT business_id, revision, state FROM businesses ORDER BY business_id').raw().all();
  return rows as StoredBusiness[];
}
