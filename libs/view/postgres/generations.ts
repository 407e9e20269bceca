import { lockInTransaction, PostgresError, tryAdvisoryLock } from '#postgres';
import type { AdvisoryLock, Patience, Postgres, Session, Statement } from '#postgres';
import { VIEW_FORM } from '../view-database.js';
import { dropTablesOf, tablesOf } from './schema.js';

export type GenerationState = 'filling' | 'current' | 'retired';

/** A view of another ledger or form that nobody has moved on for so long is nobody's any more. */
const ABANDONED_AFTER = '7 days';

/** What the lock of those who may move a ledger's view on is called: while it is held, somebody lives who reads the rows. */
export function projectorLockOf(ledgerId: string, form: string): string {
  return `projector of ${ledgerId}, ${form}`;
}

/** The transaction of an exchange stands idle while the new one is brought up to the old one over other sessions. */
const EXCHANGE: Patience = { idleMs: 60_000 };

const NEXT: Statement = { name: 'view_next', text: `SELECT nextval('view_generations')::integer` };
const IN_USE: Statement = {
  name: 'view_in_use',
  text: `SELECT generation FROM views WHERE ledger_id = $1 AND form = $2 AND state = 'current'`,
};
const ADD: Statement = {
  name: 'view_add',
  text: 'INSERT INTO views (generation, ledger_id, form, state) VALUES ($1, $2, $3, $4)',
};
const MARK: Statement = { name: 'view_mark', text: 'UPDATE views SET state = $2 WHERE generation = $1' };
const REMOVE: Statement = { name: 'view_remove', text: 'DELETE FROM views WHERE generation = $1' };
const LEFT_OVER: Statement = {
  name: 'view_left_over',
  text: `SELECT generation, state, ledger_id, form FROM views WHERE state <> 'current'
         OR moved_at < now() - interval '${ABANDONED_AFTER}' AND (ledger_id, form) <> ($1, $2)`,
};

type LeftOver = readonly [generation: number, state: GenerationState, ledgerId: string, form: string];

/** The generations of one ledger's view, in the form of this program. */
export class Generations {
  constructor(
    private readonly postgres: Postgres,
    private readonly ledgerId: string,
  ) {}

  /** The one in use; made, and empty, where there is none. */
  async inUse(): Promise<number> {
    return (await this.#find(this.postgres)) ?? (await this.#exclusively((session) => this.#findOrMake(session)));
  }

  /** Puts a new and empty one in place of this one; of several replicas at once, all get the same. */
  async makeAnew(unusable: number): Promise<number> {
    return this.#exclusively(async (session) => {
      if ((await this.#find(session)) === unusable) await session.change(MARK, [unusable, 'retired']);
      return this.#findOrMake(session);
    });
  }

  /** A new one that is not in use yet, kept from being swept away by a lock that ends with this process. */
  async beginFilling(): Promise<{ readonly generation: number; readonly lock: AdvisoryLock }> {
    const [[generation] = [0]] = await this.postgres.query<[number]>(NEXT);
    const lock = await tryAdvisoryLock(this.postgres, lockOf(generation));
    if (lock === undefined) throw new Error('a generation that was never there is locked');
    try {
      await this.#exclusively((session) => this.#make(session, generation, 'filling'));
      return { generation, lock };
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /**
   * Puts a filled one in place of the one in use. `catchUp` runs while nobody can move that one on, and has to bring the
   * new one up to it within a minute. Where none is in use there is nothing to catch up with.
   */
  async exchange(filled: number, catchUp: (inUse: number) => Promise<void>): Promise<void> {
    await this.#exclusively(async (session) => {
      const inUse = await this.#find(session);
      if (inUse !== undefined) {
        await session.change(MARK, [inUse, 'retired']);
        await catchUp(inUse);
      }
      await session.change(MARK, [filled, 'current']);
    }, EXCHANGE);
  }

  /** Drops what is not in use and not being filled. What another replica still reads from is left for the next time. */
  async sweep(): Promise<void> {
    for (const found of await this.#leftOver()) {
      try {
        await this.#dropIfAbandoned(found);
      } catch (error) {
        if (!(error instanceof PostgresError) || error.problem === 'DEFECT') throw error;
      }
    }
  }

  #leftOver(): Promise<readonly LeftOver[]> {
    return this.postgres.query<LeftOver>(LEFT_OVER, [this.ledgerId, VIEW_FORM]);
  }

  /** A quiet ledger moves no view, so that one in use is known to be nobody's only by nobody standing for moving it on. */
  async #dropIfAbandoned([generation, state, ledgerId, form]: LeftOver): Promise<void> {
    if (state === 'retired') return this.#drop(generation);
    const name = state === 'filling' ? lockOf(generation) : projectorLockOf(ledgerId, form);
    const lock = await tryAdvisoryLock(this.postgres, name);
    if (lock === undefined) return;
    try {
      // Whoever had the lock until now may have put it in use, or moved it on.
      const isLeftOver = (await this.#leftOver()).some(([other, now]) => other === generation && now === state);
      if (isLeftOver) await this.#drop(generation);
    } finally {
      lock.release();
    }
  }

  /** The tables first, in the order in which a commit locks them too. */
  async #drop(generation: number): Promise<void> {
    await this.postgres.transaction(async (session) => {
      await session.run(dropTablesOf(generation));
      await session.change(REMOVE, [generation]);
    });
  }

  async #find(session: Session): Promise<number | undefined> {
    const [row] = await session.query<[number]>(IN_USE, [this.ledgerId, VIEW_FORM]);
    return row?.[0];
  }

  async #findOrMake(session: Session): Promise<number> {
    const found = await this.#find(session);
    if (found !== undefined) return found;
    const [[generation] = [0]] = await session.query<[number]>(NEXT);
    await this.#make(session, generation, 'current');
    return generation;
  }

  async #make(session: Session, generation: number, state: GenerationState): Promise<void> {
    await session.run(tablesOf(generation));
    await session.change(ADD, [generation, this.ledgerId, VIEW_FORM, state]);
  }

  #exclusively<T>(work: (session: Session) => Promise<T>, patience: Patience = {}): Promise<T> {
    return this.postgres.transaction(async (session) => {
      await lockInTransaction(session, this.postgres.schema, 'views');
      return work(session);
    }, patience);
  }
}

function lockOf(generation: number): string {
  return `view-${generation}`;
}
