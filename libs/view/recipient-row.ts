import { EMPTY_STATE, fold, type ConsentEvent, type Origin, type RecipientState } from '#consent';
import type { RecipientRow } from './port.js';

/**
 * The business of a row whose events do not all name one and the same business. Such a row is unreadable, and it
 * answers so whoever asks: which business's no it holds is what nobody can tell.
 */
export const NOBODY = '';

/** Adds an event to a row. `named` is the business that the event names, `NOBODY` where it cannot be read. */
export function addEvent(
  row: RecipientRow | undefined,
  named: string,
  event: ConsentEvent,
  origin: Origin,
): RecipientRow {
  const businessId = row === undefined || row.businessId === named ? named : NOBODY;
  const state = fold(row?.state ?? EMPTY_STATE, event, origin);
  if (businessId !== NOBODY || state.unreadable) return { businessId, state };
  const data = { occurredAt: origin.recordedAt, storedType: event.type };
  return { businessId, state: fold(state, { type: 'Unreadable', data }, origin) };
}

/** The state that a row holds for a business; a row of another business is as if unknown. */
export function stateFor(row: RecipientRow | undefined, businessId: string): RecipientState | undefined {
  if (row === undefined || row.businessId === businessId) return row?.state;
  const { unreadable } = row.state;
  return row.businessId === NOBODY && unreadable ? { ...EMPTY_STATE, unreadable } : undefined;
}
