import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';

/** A row of the view as it is stored: recipient id, business id, packed state. */
export type StoredRow = readonly [string, string, string];

export interface SelectWork {
  readonly pool: pg.Pool;
  readonly table: string;
  readonly recipientIds: readonly string[];
  /** Questions under way at once. */
  readonly askers: number;
}

/** As many sessions as the service has. */
export function openPool(url: string, max: number): pg.Pool {
  return new pg.Pool({ connectionString: url, max });
}

/** The floor of a look-up: one prepared statement by key for each, through a pool, and nothing made of the row. */
export async function selectEach({ pool, table, recipientIds, askers }: SelectWork): Promise<number> {
  const statement = { name: `floor ${table}`, text: `SELECT business_id, state FROM ${table} WHERE recipient_id = $1` };
  let next = 0;
  const asker = async () => {
    for (let at = next++; at < recipientIds.length; at = next++) {
      const { rows } = await pool.query({ ...statement, values: [recipientIds[at]] });
      if (rows.length !== 1) throw new Error('a recipient has no row');
    }
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: askers }, asker));
  return (performance.now() - began) / 1_000;
}

/** The rows of a table of the view. */
export async function rowsOf(pool: pg.Pool, table: string): Promise<readonly StoredRow[]> {
  const text = `SELECT recipient_id, business_id, state FROM ${table}`;
  return (await pool.query<[string, string, string]>({ text, rowMode: 'array' })).rows;
}

/** The floor of filling a view: the same rows, known beforehand, copied into a table with the same key. */
export async function copyRows(pool: pg.Pool, rows: readonly StoredRow[]): Promise<number> {
  const client = await pool.connect();
  try {
    await client.query('DROP TABLE IF EXISTS copied');
    await client.query(
      'CREATE TABLE copied (recipient_id text COLLATE "C" PRIMARY KEY, business_id text NOT NULL, state text NOT NULL)',
    );
    const lines = chunksOf(rows);
    const began = performance.now();
    await pipeline(Readable.from(lines), client.query(copyFrom('COPY copied FROM STDIN')));
    return (performance.now() - began) / 1_000;
  } finally {
    client.release();
  }
}

const ROWS_IN_CHUNK = 500;

function chunksOf(rows: readonly StoredRow[]): readonly string[] {
  const chunks: string[] = [];
  for (let start = 0; start < rows.length; start += ROWS_IN_CHUNK) {
    chunks.push(
      rows
        .slice(start, start + ROWS_IN_CHUNK)
        .map(lineOf)
        .join(''),
    );
  }
  return chunks;
}

/** COPY's text form: a backslash is written twice. */
function lineOf(row: StoredRow): string {
  return `${row.map((text) => text.replaceAll('\\', '\\\\')).join('\t')}\n`;
}
