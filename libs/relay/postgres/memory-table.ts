import { migrate, type Migrations, type Postgres, type Statement } from '#postgres';
import type { MemoryPlace, RelayMemory } from '../memory.js';

const MIGRATIONS: Migrations = {
  part: 'relay',
  versions: [
    `CREATE TABLE relay_memory (
       ledger_id text PRIMARY KEY, term bigint NOT NULL, memory text
     ) WITH (fillfactor = 10);`,
  ],
};

const TAKE: Statement = {
  name: 'relay_take_memory',
  text: `INSERT INTO relay_memory AS kept (ledger_id, term) VALUES ($1, 1)
         ON CONFLICT (ledger_id) DO UPDATE SET term = kept.term + 1
         RETURNING term::text, memory`,
};
const SAVE: Statement = {
  name: 'relay_save_memory',
  text: 'UPDATE relay_memory SET memory = $3 WHERE ledger_id = $1 AND term = $2',
};

/**
 * A row for each ledger, which counts how often it was taken: a relay that was stopped and does not know yet that another
 * runs has an earlier number, and what it knows is not written. Rejects with `PostgresError`.
 */
export class MemoryTable implements MemoryPlace {
  /** Makes the table where it is not there. */
  static async open(postgres: Postgres, ledgerId: string): Promise<MemoryTable> {
    await migrate(postgres, MIGRATIONS);
    return new MemoryTable(postgres, ledgerId);
  }

  #term = '0';

  private constructor(
    private readonly postgres: Postgres,
    private readonly ledgerId: string,
  ) {}

  async take(): Promise<RelayMemory | undefined> {
    const [row] = await this.postgres.query<[term: string, memory: string | null]>(TAKE, [this.ledgerId]);
    const [term = '0', memory = null] = row ?? [];
    this.#term = term;
    return memory === null ? undefined : (JSON.parse(memory) as RelayMemory);
  }

  async save(memory: RelayMemory): Promise<boolean> {
    return (await this.postgres.change(SAVE, [this.ledgerId, this.#term, JSON.stringify(memory)])) === 1;
  }
}
