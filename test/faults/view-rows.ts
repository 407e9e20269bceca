import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';

export function viewFileOf(dataDir: string): string {
  return readFileSync(join(dataDir, 'view.current'), 'utf8').trim();
}

/** Every row of the view in use, as it is stored: recipients and businesses, in order. */
export function rowsOf(dataDir: string): readonly unknown[] {
  const db = new Database(join(dataDir, viewFileOf(dataDir)), { readonly: true });
  try {
    const recipients = db.prepare('SELECT * FROM recipients ORDER BY recipient_id').raw().all();
    return [...recipients, ...db.prepare('SELECT * FROM businesses ORDER BY business_id').raw().all()];
  } finally {
    db.close();
  }
}
