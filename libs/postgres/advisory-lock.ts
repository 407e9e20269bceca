import { createHash } from 'node:crypto';
import type { HeldSession } from './held-session.js';
import type { Postgres } from './postgres.js';
import type { Session, Statement } from './session.js';

/** A lock that one session in the whole database can hold; it ends with the session, however that ends. */
export interface AdvisoryLock {
  /** Resolves when the lock is no longer held. A server that cannot be reached may have given it to another before. */
  readonly lost: Promise<void>;
  release(): void;
}

const TRY: Statement = { name: 'lock_try', text: 'SELECT pg_try_advisory_lock($1)' };
const TAKE: Statement = { name: 'lock_take', text: 'SELECT pg_advisory_xact_lock($1)' };

/** Undefined where another session holds it. The name counts within the schema. Keeps one session of the pool. */
export async function tryAdvisoryLock(postgres: Postgres, name: string): Promise<AdvisoryLock | undefined> {
  const session = await postgres.hold();
  if (await isOurs(session, postgres.schema, name)) {
    return { lost: session.over, release: () => session.release() };
  }
  session.release();
  return undefined;
}

/** Waits for the lock and keeps it until the transaction ends. Rejects where that takes longer than a lock may. */
export async function lockInTransaction(session: Session, schema: string, name: string): Promise<void> {
  await session.query(TAKE, [lockNumberOf(schema, name)]);
}

/** Whether the session holds the lock now; it then does so until it ends. */
export async function takesLock(session: Session, schema: string, name: string): Promise<boolean> {
  const [row] = await session.query<[boolean]>(TRY, [lockNumberOf(schema, name)]);
  return row?.[0] === true;
}

async function isOurs(session: HeldSession, schema: string, name: string): Promise<boolean> {
  try {
    return await takesLock(session, schema, name);
  } catch (error) {
    session.release();
    throw error;
  }
}

/** The server knows its locks by 64-bit numbers. */
export function lockNumberOf(schema: string, name: string): string {
  const digest = createHash('sha256').update(`consent-ledger/lock/v1:${schema}:${name}`).digest();
  return digest.readBigInt64BE().toString();
}
