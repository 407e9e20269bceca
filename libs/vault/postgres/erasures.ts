import { Gathered, type Postgres, type Session, type Statement } from '#postgres';
import type { AnnouncedErasure } from '../port.js';

/** Who sends the request again announces it again: from then on its event may be about to be written. */
const ANNOUNCE: Statement = {
  name: 'vault_announce',
  text: `INSERT INTO erasures (event_id, recipient_id, life, done)
         VALUES ($1, $2, coalesce((SELECT life FROM data_keys WHERE recipient_id = $2), 1), false)
         ON CONFLICT (event_id) DO UPDATE SET announced_at = now() WHERE NOT erasures.done`,
};
const HOW_FAR: Statement = {
  name: 'vault_erasure_how_far',
  text: 'SELECT done, destroyed FROM erasures WHERE event_id = $1 FOR UPDATE',
};
const DESTROY: Statement = {
  name: 'vault_destroy',
  text: `UPDATE data_keys SET wrapped = '' WHERE recipient_id = $1 AND wrapped <> ''`,
};
const NOTE_DESTROYED: Statement = {
  name: 'vault_erasure_destroyed',
  text: 'UPDATE erasures SET destroyed = true WHERE event_id = $1',
};
const CLOSE: Statement = { name: 'vault_erasure_close', text: 'UPDATE erasures SET done = true WHERE event_id = $1' };
const WITHDRAW: Statement = {
  name: 'vault_withdraw',
  text: `DELETE FROM erasures WHERE event_id = $1 AND NOT done AND NOT destroyed
         AND announced_at <= now() - $2 * interval '1 ms'`,
};
const ANNOUNCED: Statement = {
  name: 'vault_announced',
  text: `SELECT recipient_id, event_id, NOT destroyed AND coalesce(data_keys.life, 0) > erasures.life
         FROM erasures LEFT JOIN data_keys USING (recipient_id) WHERE NOT done ORDER BY event_id`,
};

/** Rows are taken out of their pages, which is quick, and the file is left as long as it is, which locks nobody out. */
const VACUUM = 'VACUUM (TRUNCATE false) data_keys';

export interface ErasureLimits {
  /** How long taking the destroyed key out of its page may take, in milliseconds. */
  readonly vacuumMs: number;
  /**
   * What was announced is not taken back before, in milliseconds: the replica that announced it may be about to write the
   * event.
   */
  readonly withdrawAfterMs: number;
}

/** The erasures of one vault: announced, carried out once for each event, or taken back. Rejects with `PostgresError`. */
export class Erasures {
  /** One pass serves all erasures that were committed before it began. */
  readonly #vacuum: Gathered<string, void>;

  constructor(
    private readonly postgres: Postgres,
    private readonly limits: ErasureLimits,
  ) {
    this.#vacuum = new Gathered(() => this.#vacuumNow(), { statements: 1 });
  }

  async announce(recipientId: string, eventId: string): Promise<void> {
    await this.postgres.change(ANNOUNCE, [eventId, recipientId]);
  }

  /**
   * One that was never announced here is carried out all the same: the vault may be older than the ledger. The key is of
   * no more use to anybody once it is committed that it is destroyed; that it was is noted when its row is gone too.
   */
  async carryOut(recipientId: string, eventId: string): Promise<boolean> {
    const isNew = await this.postgres.transaction((session) => destroy(session, recipientId, eventId));
    if (!isNew) return false;
    await this.#vacuum.ask(eventId);
    await this.postgres.change(CLOSE, [eventId]);
    return true;
  }

  async withdraw(eventId: string): Promise<void> {
    await this.postgres.change(WITHDRAW, [eventId, this.limits.withdrawAfterMs]);
  }

  async list(): Promise<readonly AnnouncedErasure[]> {
    const rows = await this.postgres.query<[string, string, boolean]>(ANNOUNCED);
    return rows.map(([recipientId, eventId, isOver]) => ({ recipientId, eventId, isOver }));
  }

  /** In a session of its own, because it may take longer than a statement should. */
  async #vacuumNow(): Promise<void> {
    const session = await this.postgres.hold({ statementMs: this.limits.vacuumMs });
    try {
      await session.run(VACUUM);
    } finally {
      session.release();
    }
  }
}

async function destroy(session: Session, recipientId: string, eventId: string): Promise<boolean> {
  await session.change(ANNOUNCE, [eventId, recipientId]);
  const [[isDone, isDestroyed] = [false, false]] = await session.query<[boolean, boolean]>(HOW_FAR, [eventId]);
  if (isDone) return false;
  // What the person has by now is another key: only the page of the old one is still to be cleaned.
  if (isDestroyed) return true;
  await session.change(DESTROY, [recipientId]);
  await session.change(NOTE_DESTROYED, [eventId]);
  return true;
}
