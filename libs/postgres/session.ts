import type { PoolClient, QueryConfig } from 'pg';
import { postgresErrorOf } from './postgres-error.js';

/** Prepared under its name in each session that it is used in; a name stands for one text for ever. */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/** What may be asked of a database, at once or inside a transaction. Rejects with `PostgresError`. */
export interface Session {
  /** The rows, each a list of its columns. */
  query<Row extends readonly unknown[]>(statement: Statement, values?: readonly unknown[]): Promise<readonly Row[]>;
  /** How many rows were written. */
  change(statement: Statement, values?: readonly unknown[]): Promise<number>;
  /** Statements that are run once and take no values, separated by semicolons. */
  run(sql: string): Promise<void>;
}

interface Answer<Row> {
  readonly rows: readonly Row[];
  readonly rowCount: number | null;
}

export class ClientSession implements Session {
  constructor(
    private readonly client: PoolClient,
    /** How long a statement is waited for; absent: as long as the session was made for. */
    private readonly patienceMs?: number,
  ) {}

  async query<Row extends readonly unknown[]>(statement: Statement, values: readonly unknown[] = []) {
    return (await this.#ask<Row>(statement, values)).rows;
  }

  async change(statement: Statement, values: readonly unknown[] = []): Promise<number> {
    return (await this.#ask(statement, values)).rowCount ?? 0;
  }

  async run(sql: string): Promise<void> {
    try {
      await this.client.query(this.#patiently({ text: sql }));
    } catch (error) {
      throw postgresErrorOf(error);
    }
  }

  /** By callback: for a promise `pg` would note the stack, which costs more than the rest of its work. */
  #ask<Row extends readonly unknown[]>({ name, text }: Statement, values: readonly unknown[]): Promise<Answer<Row>> {
    return new Promise((resolve, reject) => {
      const told = (error: Error | null, result: unknown) => {
        if (error) reject(postgresErrorOf(error));
        else resolve(result as Answer<Row>);
      };
      this.client.query<unknown[]>(this.#patiently({ name, text, values: [...values], rowMode: 'array' }), told);
    });
  }

  #patiently<Config extends QueryConfig>(config: Config): Config {
    return this.patienceMs === undefined ? config : { ...config, query_timeout: this.patienceMs };
  }
}
