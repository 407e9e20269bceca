import type { BusinessState, RegisterRefusal, Refused } from '#consent';
import { Refusal } from '#platform';
import type { Parts } from '../parts.js';

/** The business's register as this process knows it; `BUSINESS_NOT_FOUND` where there is none. */
export function register(parts: Parts, businessId: string): BusinessState {
  const row = parts.view.catalogue.business(businessId);
  if (!row?.state.profile) throw businessNotFound();
  return row.state;
}

const UNKNOWN = new Set(['BUSINESS_NOT_FOUND', 'PURPOSE_NOT_FOUND', 'SENDER_NOT_FOUND', 'DISCLOSURE_NOT_FOUND']);

/** Whether something is refused only because this process may not know yet what another one has registered. */
export function mayBeNews(parts: Parts, error: unknown): boolean {
  return parts.config.database !== undefined && error instanceof Refusal && UNKNOWN.has(error.code);
}

/**
 * Does the work again where it was refused for what another process may have registered a moment ago. Throws
 * `LEDGER_UNAVAILABLE` where this one does not get to know that in time: that there is none would be taken for good.
 */
export async function withNews<T>(parts: Parts, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!mayBeNews(parts, error)) throw error;
    if (!(await parts.view.meetOthers())) throw behindOthers();
    return work();
  }
}

/**
 * Waits where another process may have registered the business a moment ago. For opt-outs, which no register keeps out,
 * but which may name a person in a way that only the register explains; whether it is known afterwards is not said.
 */
export async function hearOf(parts: Parts, businessId: string): Promise<void> {
  if (!parts.view.catalogue.business(businessId)?.state.profile) await parts.view.meetOthers();
}

const RETRY_AFTER_MS = 1_000;

/** What was named may have been registered at another process, of which this one has not heard yet. */
export function behindOthers(): Refusal {
  const detail = 'This process does not know yet what was registered last; send the same request again.';
  return new Refusal('LEDGER_UNAVAILABLE', detail, { retryAfterMs: RETRY_AFTER_MS });
}

export function businessNotFound(): Refusal {
  return new Refusal('BUSINESS_NOT_FOUND', 'There is no such business, or this key may not see it.');
}

const DETAILS: Readonly<Record<RegisterRefusal, string>> = {
  BUSINESS_NOT_FOUND: 'There is no such business, or this key may not see it.',
  PURPOSE_NOT_FOUND: 'Register the purpose first, or use one that is registered.',
  PURPOSE_RETIRED: 'The purpose was retired; use another one.',
  PURPOSE_CATEGORY_FIXED: 'An id keeps its category for ever; register the purpose under another id.',
  SENDER_NOT_FOUND: 'Register the sender first, or use one that is registered.',
  DISCLOSURE_NOT_FOUND: 'Publish the disclosure first, and cite a version that exists.',
  DISCLOSURE_RETIRED: 'The disclosure was retired; cite one that is in use.',
  DISCLOSURE_REQUIRED: 'Cite the disclosure that the person saw; only an import with named purposes may do without.',
  DISCLOSURE_DOES_NOT_COVER: 'Cite a disclosure that names every channel and purpose of the grant.',
};

export function refuse({ refused, field }: Refused): Refusal {
  const detail = DETAILS[refused];
  return new Refusal(refused, detail, { errors: [{ field, code: refused, message: detail }] });
}
