import { Gathered, textArray, type Postgres, type Statement } from '#postgres';
import type { WrappedKey, WrappedKeyStore } from '../data-keys.js';

const FIND: Statement = {
  name: 'vault_find_keys',
  text: `SELECT recipient_id, wrapped, life FROM data_keys WHERE recipient_id = ANY ($1::text[]) AND wrapped <> ''`,
};

/** A row that is there stays as it is, and is answered: written anew, because what is not written is not returned. */
const KEEP_FIRST: Statement = {
  name: 'vault_keep_keys',
  text: `INSERT INTO data_keys AS kept (recipient_id, wrapped, life)
         SELECT recipient_id, decode(wrapped, 'base64'), 1 FROM unnest($1::text[], $2::text[]) AS t (recipient_id, wrapped)
         ORDER BY recipient_id
         ON CONFLICT (recipient_id) DO UPDATE SET
           wrapped = CASE WHEN kept.wrapped = '' THEN excluded.wrapped ELSE kept.wrapped END,
           life = CASE WHEN kept.wrapped = '' THEN kept.life + 1 ELSE kept.life END
         RETURNING recipient_id, wrapped, life`,
};

type KeyRow = readonly [recipientId: string, wrapped: Buffer, life: number];
type Keys = ReadonlyMap<string, WrappedKey>;

/**
 * The wrapped keys in the database, asked each time: another replica may have destroyed one a moment ago, and to find
 * that out costs as much as to fetch the key. Many keys go into one statement.
 */
export class PostgresKeyStore implements WrappedKeyStore {
  readonly #finds: Gathered<string, Keys>;
  readonly #keeps: Gathered<readonly [recipientId: string, wrapped: Uint8Array], Keys>;

  constructor(postgres: Postgres) {
    this.#finds = new Gathered(async (recipientIds) =>
      keysIn(await postgres.query<KeyRow>(FIND, [textArray(recipientIds)])),
    );
    this.#keeps = new Gathered(async (offered) => {
      const keys = new Map(offered.map(([recipientId, wrapped]) => [recipientId, Buffer.from(wrapped)]));
      const texts = [...keys.values()].map((wrapped) => wrapped.toString('base64'));
      const values = [textArray([...keys.keys()]), textArray(texts)];
      return keysIn(await postgres.query<KeyRow>(KEEP_FIRST, values));
    });
  }

  async find(recipientId: string): Promise<WrappedKey | undefined> {
    return (await this.#finds.ask(recipientId)).get(recipientId);
  }

  async keepFirst(recipientId: string, wrapped: Uint8Array): Promise<WrappedKey> {
    const kept = (await this.#keeps.ask([recipientId, wrapped])).get(recipientId);
    if (kept === undefined) throw new Error('the database did not say which key it kept');
    return kept;
  }
}

function keysIn(rows: readonly KeyRow[]): Keys {
  return new Map(rows.map(([recipientId, wrapped, life]) => [recipientId, { wrapped, life }]));
}
