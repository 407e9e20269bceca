import type { SqliteDatabase } from '#sqlite';
import type { WrappedKey } from './data-keys.js';
import type { AnnouncedErasure, ApiKey, Scope, Unrouted } from './port.js';
import { DONE } from './schema.js';

interface ApiKeyRow {
  readonly key_id: string;
  readonly business_id: string | null;
  readonly name: string;
  readonly scopes: string;
  readonly secret_sha256: string;
  readonly created_at: string;
}

interface UnroutedRow {
  readonly id: string;
  readonly provider: string;
  readonly reason: string;
  readonly kind: string;
  readonly provider_id: string | null;
  readonly received_at: string;
}

const UNROUTED = 'SELECT id, provider, reason, kind, provider_id, received_at';

/** What the vault asks its file, on a connection of its own. */
export function vaultReadsOf(db: SqliteDatabase) {
  const wrappedKey = db.prepare<[string], WrappedKey>('SELECT wrapped, life FROM data_keys WHERE recipient_id = ?');
  const announced = db.prepare<[], { event_id: string; recipient_id: string; is_over: number }>(
    `SELECT event_id, recipient_id, done = 0 AND coalesce(data_keys.life, 0) > erasures.life AS is_over
     FROM erasures LEFT JOIN data_keys USING (recipient_id) WHERE done <> ${DONE} ORDER BY event_id`,
  );
  const apiKey = db.prepare<[string], ApiKeyRow>('SELECT * FROM api_keys WHERE key_id = ?');
  const apiKeys = db.prepare<[string | null], ApiKeyRow>(
    'SELECT * FROM api_keys WHERE business_id IS ? ORDER BY created_at, key_id',
  );
  const unrouted = db.prepare<[string], UnroutedRow & { body: Buffer }>(`${UNROUTED}, body FROM unrouted WHERE id = ?`);
  const page = db.prepare<[string, number], UnroutedRow>(`${UNROUTED} FROM unrouted WHERE id > ? ORDER BY id LIMIT ?`);
  const ofSender = db.prepare<[string, string, number], UnroutedRow>(
    `${UNROUTED} FROM unrouted WHERE provider = ? AND provider_id = ? ORDER BY received_at, id LIMIT ?`,
  );
  const anything = db.prepare<[], unknown>(
    'SELECT 1 FROM data_keys UNION ALL SELECT 1 FROM api_keys UNION ALL SELECT 1 FROM unrouted LIMIT 1',
  );
  return {
    isEmpty: () => anything.get() === undefined,
    wrappedKey: (recipientId: string): WrappedKey | undefined => {
      const row = wrappedKey.get(recipientId);
      return row && row.wrapped.length > 0 ? row : undefined;
    },
    announcedErasures: (): readonly AnnouncedErasure[] =>
      announced
        .all()
        .map((row) => ({ recipientId: row.recipient_id, eventId: row.event_id, isOver: row.is_over !== 0 })),
    apiKey: (keyId: string): ApiKey | undefined => toApiKey(apiKey.get(keyId)),
    apiKeys: (businessId: string | undefined) => apiKeys.all(businessId ?? null).flatMap((row) => toApiKey(row) ?? []),
    unrouted: (id: string) => {
      const row = unrouted.get(id);
      return row && { entry: toUnrouted(row), sealedBody: row.body };
    },
    unroutedPage: (after: string, limit: number) => page.all(after, limit).map(toUnrouted),
    unroutedOf: (provider: string, providerId: string, limit: number) =>
      ofSender.all(provider, providerId, limit).map(toUnrouted),
  };
}

export type VaultReads = ReturnType<typeof vaultReadsOf>;

function toApiKey(row: ApiKeyRow | undefined): ApiKey | undefined {
  if (row === undefined) return undefined;
  return {
    keyId: row.key_id,
    ...(row.business_id === null ? {} : { businessId: row.business_id }),
    name: row.name,
    scopes: JSON.parse(row.scopes) as Scope[],
    secretSha256: row.secret_sha256,
    createdAt: row.created_at,
  };
}

function toUnrouted(row: UnroutedRow): Unrouted {
  return {
    id: row.id,
    provider: row.provider,
    reason: row.reason,
    kind: row.kind,
    ...(row.provider_id === null ? {} : { providerId: row.provider_id }),
    receivedAt: row.received_at,
  };
}
