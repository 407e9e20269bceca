import { LockElection, type Postgres } from '#postgres';
import type { SharedView } from '../shared-copy.js';
import { VIEW_FORM } from '../view-database.js';
import { projectorLockOf } from './generations.js';
import { openPostgresView, type OpenPostgresViewOptions } from './postgres-view.js';

export interface OpenSharedViewOptions extends OpenPostgresViewOptions {
  readonly recentMax: number;
}

/**
 * The view in PostgreSQL as replicas share it: one of those with the same ledger and the same form of rows moves it on.
 * Rejects with `PostgresError`.
 */
export async function openSharedView(
  postgres: Postgres,
  { recentMax, ...options }: OpenSharedViewOptions,
): Promise<SharedView> {
  const view = await openPostgresView(postgres, options);
  const election = new LockElection(postgres, projectorLockOf(options.ledger.ledgerId, VIEW_FORM));
  return { view, election, recentMax, generation: () => view.generation, makeAnew: () => view.makeAnew() };
}
