import type { Position } from '#event-store';
import { isText, textArray, type Postgres } from '#postgres';
import type { BusinessRow } from '../port.js';
import type { RowSink } from '../view-builder.js';
import { type Generation } from './generation.js';

/** More would make a statement take as long as one may. */
const ROWS_IN_STATEMENT = 2_000;

/** A generation that is being filled. */
export class PostgresSink implements RowSink {
  readonly #insert;

  constructor(
    private readonly postgres: Postgres,
    private readonly generation: Generation,
  ) {
    this.#insert = {
      name: `view_${generation.number}_fill`,
      text: `INSERT INTO recipients_${generation.number} SELECT * FROM unnest($1::text[], $2::text[], $3::text[])`,
    };
  }

  async write(rows: readonly string[]): Promise<void> {
    const inStatement = 3 * ROWS_IN_STATEMENT;
    for (let start = 0; start < rows.length; start += inStatement) {
      const some = textsOnly(rows.slice(start, start + inStatement));
      const columns = [0, 1, 2].map((column) => some.filter((_, index) => index % 3 === column));
      await this.postgres.change(this.#insert, columns.map(textArray));
    }
  }

  async finish(businesses: ReadonlyMap<string, BusinessRow>, position: Position): Promise<void> {
    await this.generation.commit({ recipients: new Map(), businesses, from: undefined, to: position });
  }
}

/** Without the rows of streams that a stranger wrote, whose names are no text here. */
function textsOnly(rows: readonly string[]): readonly string[] {
  if (rows.every(isText)) return rows;
  return rows.filter((_, index) => rows.slice(index - (index % 3), index - (index % 3) + 3).every(isText));
}
