import { Gathered, textArray, type Postgres, type Statement } from '#postgres';
import type { ApiKey, Scope } from '../port.js';

const COLUMNS = 'key_id, business_id, name, scopes, secret_sha256, created_at';

const PUT: Statement = {
  name: 'vault_put_api_key',
  text: `INSERT INTO api_keys (${COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (key_id) DO UPDATE SET business_id = excluded.business_id, name = excluded.name,
           scopes = excluded.scopes, secret_sha256 = excluded.secret_sha256, created_at = excluded.created_at`,
};
const DELETE: Statement = { name: 'vault_delete_api_key', text: 'DELETE FROM api_keys WHERE key_id = $1' };
const FIND: Statement = {
  name: 'vault_find_api_keys',
  text: `SELECT ${COLUMNS} FROM api_keys WHERE key_id = ANY ($1::text[])`,
};
const OF_ONE: Statement = {
  name: 'vault_api_keys_of_business',
  text: `SELECT ${COLUMNS} FROM api_keys WHERE business_id = $1 ORDER BY created_at, key_id`,
};
const FOR_ALL: Statement = {
  name: 'vault_api_keys_for_all',
  text: `SELECT ${COLUMNS} FROM api_keys WHERE business_id IS NULL ORDER BY created_at, key_id`,
};

type ApiKeyRow = readonly [
  keyId: string,
  businessId: string | null,
  name: string,
  scopes: string,
  secretSha256: string,
  createdAt: string,
];

/**
 * The API keys of a vault in PostgreSQL. Rejects with `PostgresError`. Strangers have theirs looked up too, as many as they
 * like: that goes into few statements, so that they cannot take all sessions, and the waiting for them, to themselves.
 */
export class ApiKeyTable {
  readonly #finds: Gathered<string, ReadonlyMap<string, ApiKey>>;

  constructor(private readonly postgres: Postgres) {
    this.#finds = new Gathered<string, ReadonlyMap<string, ApiKey>>(async (keyIds) => {
      const rows = await postgres.query<ApiKeyRow>(FIND, [textArray(keyIds)]);
      return new Map(rows.map((row) => [row[0], toApiKey(row)]));
    });
  }

  async put({ keyId, businessId, name, scopes, secretSha256, createdAt }: ApiKey): Promise<void> {
    const values = [keyId, businessId ?? null, name, JSON.stringify(scopes), secretSha256, createdAt];
    await this.postgres.change(PUT, values);
  }

  async delete(keyId: string): Promise<boolean> {
    return (await this.postgres.change(DELETE, [keyId])) > 0;
  }

  async find(keyId: string): Promise<ApiKey | undefined> {
    return (await this.#finds.ask(keyId)).get(keyId);
  }

  async list(businessId: string | undefined): Promise<readonly ApiKey[]> {
    const asked = businessId === undefined ? this.postgres.query<ApiKeyRow>(FOR_ALL) : this.#of(businessId);
    return (await asked).map(toApiKey);
  }

  #of(businessId: string): Promise<readonly ApiKeyRow[]> {
    return this.postgres.query<ApiKeyRow>(OF_ONE, [businessId]);
  }
}

function toApiKey([keyId, businessId, name, scopes, secretSha256, createdAt]: ApiKeyRow): ApiKey {
  const owner = businessId === null ? {} : { businessId };
  return { keyId, ...owner, name, scopes: JSON.parse(scopes) as Scope[], secretSha256, createdAt };
}
