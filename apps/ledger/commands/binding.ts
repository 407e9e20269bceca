import { PostgresError, lockInTransaction } from '#postgres';
import type { SenderDraft } from '#consent';
import type { Parts } from '../parts.js';
import { behindOthers } from './register.js';

/**
 * As long as the ledger may take to be told, and others wait for that. Who stands still for longer meanwhile loses its
 * turn and does not know: its binding may then stand beside another's.
 */
const PATIENCE = { lockMs: 10_000, statementMs: 15_000, idleMs: 60_000 };

/**
 * Does what binds a provider's id while nobody else binds the same one, in any process: two could both find it free
 * otherwise. Knows what others have bound before it begins. Throws `LEDGER_UNAVAILABLE` where neither can be had in time.
 */
export async function bindAlone<T>(parts: Parts, sender: SenderDraft, bind: () => Promise<T>): Promise<T> {
  const { postgres } = parts;
  if (sender.providerId === undefined) return bind();
  if (postgres === undefined) return bindKnowing(parts, bind);
  const name = `binding of ${sender.provider} ${sender.providerId}`;
  const made: { bound?: { readonly answer: T } } = {};
  try {
    return await postgres.transaction(async (session) => {
      await lockInTransaction(session, postgres.schema, name);
      made.bound = { answer: await bindKnowing(parts, bind) };
      return made.bound.answer;
    }, PATIENCE);
  } catch (error) {
    // What is recorded stays so, whatever becomes of the lock.
    if (made.bound) return made.bound.answer;
    throw error instanceof PostgresError && error.problem !== 'DEFECT' ? behindOthers() : error;
  }
}

async function bindKnowing<T>({ view }: Parts, bind: () => Promise<T>): Promise<T> {
  if (!(await view.meetOthers())) throw behindOthers();
  return bind();
}
