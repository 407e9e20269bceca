import type { Statement } from '#postgres';
import type { GenerationState } from './generations.js';

/** What is asked of one generation of the view, by the state in which it may be moved on. */
export interface GenerationStatements {
  /** `[null, position, state of the generation]`, then a row for each recipient that is known: all of one snapshot. */
  readonly read: Statement;
  readonly position: Statement;
  readonly businesses: Statement;
  /**
   * Moves the position from `$1` to `$2`, adds the rows of newcomers and writes those of others, all or nothing; answers
   * whether it did. Fails with a unique violation where a newcomer has a row.
   */
  readonly commit: Statement;
}

export function statementsOf(generation: number, state: GenerationState): GenerationStatements {
  const named = (name: string, text: string): Statement => ({ name: `view_${generation}_${state}_${name}`, text });
  return {
    read: named(
      'read',
      `SELECT NULL, position, state FROM views WHERE generation = ${generation}
       UNION ALL
       SELECT recipient_id, business_id, state FROM recipients_${generation} WHERE recipient_id = ANY ($1::text[])`,
    ),
    position: named('position', `SELECT position, state FROM views WHERE generation = ${generation}`),
    businesses: named(
      'businesses',
      `SELECT business_id, revision, state FROM businesses_${generation} ORDER BY business_id`,
    ),
    // The rows come from `moved`: where the position stands elsewhere there is none, and so nothing is written. To look for
    // a row that is not there before adding it costs a third of adding it.
    commit: named(
      'commit',
      `WITH moved AS (
         UPDATE views SET position = $2, moved_at = now()
         WHERE generation = ${generation} AND state = '${state}' AND position IS NOT DISTINCT FROM $1::text
         RETURNING 1
       ), newcomers AS (
         INSERT INTO recipients_${generation} (recipient_id, business_id, state)
         SELECT given.* FROM moved, unnest($3::text[], $4::text[], $5::text[]) AS given
       ), recipients AS (
         INSERT INTO recipients_${generation} (recipient_id, business_id, state)
         SELECT given.* FROM moved, unnest($6::text[], $7::text[], $8::text[]) AS given
         ON CONFLICT (recipient_id) DO UPDATE SET business_id = excluded.business_id, state = excluded.state
       ), businesses AS (
         INSERT INTO businesses_${generation} (business_id, revision, state)
         SELECT given.* FROM moved, unnest($9::text[], $10::text[], $11::text[]) AS given
         ON CONFLICT (business_id) DO UPDATE SET revision = excluded.revision, state = excluded.state
       )
       SELECT count(*)::integer FROM moved`,
    ),
  };
}
