import { checkpointerOf, transactionOf, whereRoomAllows, type SqliteDatabase, type WriterProgram } from '#sqlite';
import type { WrappedKey } from './data-keys.js';
import { EmptiedLog } from './emptied-log.js';
import type { ApiKey, Unrouted } from './port.js';
import { DESTROYED, DONE } from './schema.js';

/** A delivery's part with its body sealed. */
export interface SealedUnrouted {
  readonly entry: Unrouted;
  readonly sealedBody: Uint8Array;
}

/** What the writer thread is asked to do; each job is written whole or not at all. */
export type VaultJob =
  | { readonly is: 'keepKey'; readonly recipientId: string; readonly wrapped: Uint8Array }
  | { readonly is: 'announceErasure' | 'destroyKey'; readonly recipientId: string; readonly eventId: string }
  | { readonly is: 'closeErasure'; readonly eventId: string; readonly mark: number }
  | { readonly is: 'withdrawErasure'; readonly eventId: string }
  | { readonly is: 'putApiKey'; readonly key: ApiKey }
  | { readonly is: 'deleteApiKey'; readonly keyId: string }
  | { readonly is: 'keepUnrouted'; readonly items: readonly SealedUnrouted[] }
  | { readonly is: 'dropUnrouted'; readonly ids: readonly string[] }
  | { readonly is: 'dropUnroutedBefore'; readonly receivedAt: string };

export interface VaultJobDone {
  /** Rows written or deleted. */
  readonly changes: number;
  /** Of `keepKey`: the key that is stored, which is the one offered or an earlier one. */
  readonly kept?: WrappedKey;
  /** Of `destroyKey`: what `closeErasure` is to be told. Absent where that was closed before. */
  readonly mark?: number;
}

/** Pages of the log (4 KiB each) after which it is moved into the database. */
const LOG_LIMIT_PAGES = 1_000;

export function vaultWriterOf(db: SqliteDatabase): WriterProgram<VaultJob, VaultJobDone> {
  const checkpointer = checkpointerOf(db, { dueAtPages: LOG_LIMIT_PAGES, restartAtPages: LOG_LIMIT_PAGES });
  // What an earlier process left in the log is written and synced again, so that each key found here is on disk.
  whereRoomAllows(() => checkpointer.empty());
  const log = new EmptiedLog(checkpointer);
  const statements = prepare(db);
  const [mark, unmark] = [
    db.prepare("INSERT INTO erasures VALUES ('probe', 'probe', 1, 1)"),
    db.prepare("DELETE FROM erasures WHERE event_id = 'probe'"),
  ];
  return {
    transaction: transactionOf(db),
    run: (job) => run(statements, log, job),
    committed: () => {
      log.empty();
      checkpointer.ifDue();
    },
    throwIfFailed: () => checkpointer.throwIfFailed(),
    probe: () => {
      mark.run();
      unmark.run();
    },
    close: async () => {
      await checkpointer.close();
      checkpointer.empty();
      db.close();
    },
  };
}

type Statements = ReturnType<typeof prepare>;

function prepare(db: SqliteDatabase) {
  return {
    keepKey: db.prepare(
      `INSERT INTO data_keys (recipient_id, wrapped) VALUES (?, ?)
       ON CONFLICT DO UPDATE SET wrapped = excluded.wrapped, life = life + 1 WHERE length(wrapped) = 0`,
    ),
    findKey: db.prepare<[string], WrappedKey>('SELECT wrapped, life FROM data_keys WHERE recipient_id = ?'),
    announceErasure: db.prepare(
      `INSERT INTO erasures (event_id, recipient_id, life, done)
       VALUES (@eventId, @recipientId, coalesce((SELECT life FROM data_keys WHERE recipient_id = @recipientId), 1), 0)
       ON CONFLICT DO NOTHING`,
    ),
    erasure: db.prepare<[string], { done: number }>('SELECT done FROM erasures WHERE event_id = ?'),
    destroyKey: db.prepare(`UPDATE data_keys SET wrapped = x'' WHERE recipient_id = ?`),
    noteDestroyed: db.prepare(`UPDATE erasures SET done = ${DESTROYED} WHERE event_id = ?`),
    closeErasure: db.prepare(`UPDATE erasures SET done = ${DONE} WHERE event_id = ?`),
    withdrawErasure: db.prepare('DELETE FROM erasures WHERE event_id = ? AND done = 0'),
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

function run(statements: Statements, log: EmptiedLog, job: VaultJob): VaultJobDone {
  switch (job.is) {
    case 'keepKey':
      return keepKey(statements, job.recipientId, job.wrapped);
    case 'announceErasure':
      return { changes: statements.announceErasure.run(job).changes };
    case 'destroyKey':
      return destroyKey(statements, log, job);
    case 'closeErasure':
      return { changes: log.isGone(job.mark) ? statements.closeErasure.run(job.eventId).changes : 0 };
    case 'withdrawErasure':
      return { changes: statements.withdrawErasure.run(job.eventId).changes };
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
  if (stored === undefined) return { changes };
  return { changes, kept: { wrapped: new Uint8Array(stored.wrapped), life: stored.life } };
}

interface ErasureJob {
  readonly recipientId: string;
  readonly eventId: string;
}

/**
 * One that was never announced here is carried out all the same: the vault may be older than the ledger. One whose key is
 * destroyed, and lingers in the log, has only the log to wait for: the key that the person has by now is another.
 */
function destroyKey(statements: Statements, log: EmptiedLog, { recipientId, eventId }: ErasureJob): VaultJobDone {
  statements.announceErasure.run({ recipientId, eventId });
  const { done } = statements.erasure.get(eventId) ?? {};
  if (done === DONE) return { changes: 0 };
  const changes = done === DESTROYED ? 0 : statements.destroyKey.run(recipientId).changes;
  statements.noteDestroyed.run(eventId);
  return { changes, mark: log.mark() };
}

function keepUnrouted(statements: Statements, { entry, sealedBody }: SealedUnrouted): number {
  const { id, provider, reason, kind, providerId = null, receivedAt } = entry;
  return statements.keepUnrouted.run(id, provider, reason, kind, providerId, receivedAt, sealedBody).changes;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
