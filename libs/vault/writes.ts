import { checkpointerOf, transactionOf, type SqliteDatabase, type WriterProgram } from '#sqlite';
import type { ApiKey, Unrouted } from './port.js';

/** A delivery's part with its body sealed. */
export interface SealedUnrouted {
  readonly entry: Unrouted;
  readonly sealedBody: Uint8Array;
}

/** What the writer thread is asked to do; each job is written whole or not at all. */
export type VaultJob =
  | { readonly is: 'keepKey'; readonly recipientId: string; readonly wrapped: Uint8Array }
  | { readonly is: 'putApiKey'; readonly key: ApiKey }
  | { readonly is: 'deleteApiKey'; readonly keyId: string }
  | { readonly is: 'keepUnrouted'; readonly items: readonly SealedUnrouted[] }
  | { readonly is: 'dropUnrouted'; readonly ids: readonly string[] }
  | { readonly is: 'dropUnroutedBefore'; readonly receivedAt: string };

export interface VaultJobDone {
  /** Rows written or deleted. */
  readonly changes: number;
  /** Of `keepKey`: the key that is stored, which is the one offered or an earlier one. */
  readonly wrapped?: Uint8Array;
}

/** Pages of the log (4 KiB each) after which it is moved into the database. */
const LOG_LIMIT_PAGES = 1_000;

export function vaultWriterOf(db: SqliteDatabase): WriterProgram<VaultJob, VaultJobDone> {
  const checkpointer = checkpointerOf(db, { dueAtPages: LOG_LIMIT_PAGES, restartAtPages: LOG_LIMIT_PAGES });
  const statements = prepare(db);
  return {
    transaction: transactionOf(db),
    run: (job) => run(statements, job),
    committed: () => checkpointer.ifDue(),
    throwIfFailed: () => checkpointer.throwIfFailed(),
    close: async () => {
      await checkpointer.close();
      checkpointer.now();
      db.close();
    },
  };
}

type Statements = ReturnType<typeof prepare>;

function prepare(db: SqliteDatabase) {
  return {
    keepKey: db.prepare('INSERT INTO data_keys (recipient_id, wrapped) VALUES (?, ?) ON CONFLICT DO NOTHING'),
    findKey: db.prepare<[string], { wrapped: Buffer }>('SELECT wrapped FROM data_keys WHERE recipient_id = ?'),
    putApiKey: db.prepare(
      `INSERT OR REPLACE INTO api_keys (key_id, business_id, name, scopes, secret_sha256, created_at)
       VALUES (?, ?, ?, ?, ?, ?)`,
    ),
    deleteApiKey: db.prepare('DELETE FROM api_keys WHERE key_id = ?'),
    keepUnrouted: db.prepare(
      `INSERT INTO unrouted (id, provider, reason, kind, provider_id, received_at, body)
       VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
    ),
    dropUnrouted: db.prepare('DELETE FROM unrouted WHERE id = ?'),
    dropUnroutedBefore: db.prepare('DELETE FROM unrouted WHERE received_at < ?'),
  };
}

function run(statements: Statements, job: VaultJob): VaultJobDone {
  switch (job.is) {
    case 'keepKey':
      return keepKey(statements, job.recipientId, job.wrapped);
    case 'putApiKey': {
      const { keyId, businessId = null, name, scopes, secretSha256, createdAt } = job.key;
      const row = [keyId, businessId, name, JSON.stringify(scopes), secretSha256, createdAt];
      return { changes: statements.putApiKey.run(row).changes };
    }
    case 'deleteApiKey':
      return { changes: statements.deleteApiKey.run(job.keyId).changes };
    case 'keepUnrouted':
      return { changes: sum(job.items.map((item) => keepUnrouted(statements, item))) };
    case 'dropUnrouted':
      return { changes: sum(job.ids.map((id) => statements.dropUnrouted.run(id).changes)) };
    case 'dropUnroutedBefore':
      return { changes: statements.dropUnroutedBefore.run(job.receivedAt).changes };
  }
}

function keepKey(statements: Statements, recipientId: string, wrapped: Uint8Array): VaultJobDone {
  const { changes } = statements.keepKey.run(recipientId, wrapped);
  const stored = statements.findKey.get(recipientId);
  return stored === undefined ? { changes } : { changes, wrapped: new Uint8Array(stored.wrapped) };
}

function keepUnrouted(statements: Statements, { entry, sealedBody }: SealedUnrouted): number {
  const { id, provider, reason, kind, providerId = null, receivedAt } = entry;
  return statements.keepUnrouted.run(id, provider, reason, kind, providerId, receivedAt, sealedBody).changes;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
