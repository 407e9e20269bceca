import type { SqliteDatabase } from '#sqlite';
import { encode } from './codec.js';
import type { DamagedRows } from './damaged-rows.js';
import { positionIn, SAVE_RECIPIENT, ViewUnusable } from './view-database.js';

/** Rows that were asked for cannot be read; the others of the file may well be. */
export class RowsDamaged extends ViewUnusable {
  constructor(
    readonly recipientIds: readonly string[],
    options?: ErrorOptions,
  ) {
    super('DAMAGED', options);
  }
}

/**
 * Writes rows anew as the ledger has them at the file's position. One that was written meanwhile stays as it is: its
 * damaged text is what shows that no event of its recipient has been added since. Rejects where the ledger cannot be read,
 * and with `ViewUnusable` where too many rows are damaged.
 */
export async function mendRows(
  db: SqliteDatabase,
  recipientIds: readonly string[],
  damagedRows: DamagedRows,
): Promise<void> {
  const stateOf = db.prepare<[string], string>('SELECT state FROM recipients WHERE recipient_id = ?').pluck();
  const [position, damaged] = db.transaction(
    () => [positionIn(db), new Map(recipientIds.map((id) => [id, stateOf.get(id)]))] as const,
  )();
  const rows = await damagedRows.read(recipientIds, position).catch(asLedgerAway);
  const [save, remove] = [db.prepare(SAVE_RECIPIENT), db.prepare('DELETE FROM recipients WHERE recipient_id = ?')];
  const mend = db.transaction((recipientId: string) => {
    if (stateOf.get(recipientId) !== damaged.get(recipientId)) return;
    const row = rows.get(recipientId);
    if (row === undefined) remove.run(recipientId);
    else save.run(recipientId, row.businessId, encode(row.state, recipientId));
  });
  for (const recipientId of recipientIds) mend.immediate(recipientId);
}

/** The ledger's file may be what is damaged, and making the view anew would not mend that. */
function asLedgerAway(error: unknown): never {
  if (error instanceof ViewUnusable) throw error;
  throw new Error('a row of the view cannot be read, nor the ledger in its place', { cause: error });
}
