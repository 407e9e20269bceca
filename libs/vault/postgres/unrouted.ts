import type { KeyObject } from 'node:crypto';
import { textArray, type Postgres, type Statement } from '#postgres';
import { bodyPlace } from '../identity.js';
import { plainEntry, plainText } from '../plain-text.js';
import type { Unrouted } from '../port.js';
import { openBytes, sealBytes } from '../sealing.js';

const COLUMNS = 'id, provider, reason, kind, provider_id, received_at';

/** In the order of their ids: two deliveries at once must not wait for each other in a ring. */
const KEEP: Statement = {
  name: 'vault_keep_unrouted',
  text: `INSERT INTO unrouted (${COLUMNS}, body)
         SELECT id, provider, reason, kind, nullif(provider_id, ''), received_at, decode(body, 'base64')
         FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
           AS t (${COLUMNS}, body)
         ORDER BY id ON CONFLICT DO NOTHING`,
};
const PAGE: Statement = {
  name: 'vault_unrouted_page',
  text: `SELECT ${COLUMNS} FROM unrouted WHERE id > $1 ORDER BY id LIMIT $2`,
};
const OF_SENDER: Statement = {
  name: 'vault_unrouted_of',
  text: `SELECT ${COLUMNS} FROM unrouted WHERE provider = $1 AND provider_id = $2 ORDER BY received_at, id LIMIT $3`,
};
const ONE: Statement = { name: 'vault_unrouted_one', text: `SELECT ${COLUMNS}, body FROM unrouted WHERE id = $1` };
const DROP: Statement = { name: 'vault_drop_unrouted', text: 'DELETE FROM unrouted WHERE id = ANY ($1::text[])' };
const DROP_BEFORE: Statement = {
  name: 'vault_drop_unrouted_before',
  text: 'DELETE FROM unrouted WHERE received_at < $1',
};

type UnroutedRow = readonly [
  id: string,
  provider: string,
  reason: string,
  kind: string,
  providerId: string | null,
  receivedAt: string,
  body?: Buffer,
];

/** The parts of deliveries that nobody is known for yet, their bodies sealed. Rejects with `PostgresError`. */
export class UnroutedTable {
  constructor(
    private readonly postgres: Postgres,
    private readonly key: KeyObject,
  ) {}

  async keep(items: readonly { readonly entry: Unrouted; readonly body: string }[]): Promise<void> {
    const rows = items.map(({ entry, body }) => {
      const { id, provider, reason, kind, providerId = '', receivedAt } = plainEntry(entry);
      const sealed = sealBytes(this.key, bodyPlace(id), Buffer.from(body)).toString('base64');
      return [id, provider, reason, kind, providerId, receivedAt, sealed];
    });
    const columns = [0, 1, 2, 3, 4, 5, 6].map((index) => rows.map((row) => row[index] as string));
    await this.postgres.change(KEEP, columns.map(textArray));
  }

  async page(after: string, limit: number): Promise<readonly Unrouted[]> {
    return (await this.postgres.query<UnroutedRow>(PAGE, [after, limit])).map(toUnrouted);
  }

  async of(provider: string, providerId: string, limit: number): Promise<readonly Unrouted[]> {
    return (await this.postgres.query<UnroutedRow>(OF_SENDER, [provider, plainText(providerId), limit])).map(
      toUnrouted,
    );
  }

  async open(id: string): Promise<{ readonly entry: Unrouted; readonly body: string } | undefined> {
    const [row] = await this.postgres.query<UnroutedRow>(ONE, [id]);
    if (row === undefined) return undefined;
    return { entry: toUnrouted(row), body: openBytes(this.key, bodyPlace(id), row[6] as Buffer).toString() };
  }

  async drop(ids: readonly string[]): Promise<void> {
    await this.postgres.change(DROP, [textArray(ids)]);
  }

  async dropBefore(receivedAt: string): Promise<number> {
    return this.postgres.change(DROP_BEFORE, [receivedAt]);
  }
}

function toUnrouted([id, provider, reason, kind, providerId, receivedAt]: UnroutedRow): Unrouted {
  return { id, provider, reason, kind, ...(providerId === null ? {} : { providerId }), receivedAt };
}
