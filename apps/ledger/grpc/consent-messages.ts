import type { GrantRequest, RecordMessageRequest } from '#grpc-messages';
import { Refusal } from '#platform';

/** From messages to the bodies that HTTP would have brought, which are validated and read as those are. */
export function grantBody({ businessId: _, occurredAt, occurredAtText, evidence, ...same }: GrantRequest) {
  return { ...same, ...evidenceIn(evidence), ...timeIn(occurredAt, occurredAtText) };
}

export function messageBody({ businessId: _, occurredAt, occurredAtText, ...same }: RecordMessageRequest) {
  return { ...same, ...timeIn(occurredAt, occurredAtText) };
}

/** What a Timestamp says to which nobody gave a time. */
const UNSET = '1970-01-01T00:00:00.000Z';

/**
 * An unset Timestamp is no time of 1970, before every grant that an opt-out is to end, and no absence, which would mean
 * now and beat every STOP before: it is a time that cannot be read, refused or warned of.
 */
export function timeIn(occurredAt: string | undefined, text: string | undefined): { occurredAt?: string } {
  if (text !== undefined) return { occurredAt: text };
  return occurredAt === undefined ? {} : { occurredAt: occurredAt === UNSET ? '' : occurredAt };
}

const FORBIDDEN = ['constructor', 'prototype'];

/** A map takes any text for a key; of JSON these never come so far. */
function evidenceIn(evidence: GrantRequest['evidence']): { evidence?: Readonly<Record<string, string>> } {
  if (evidence === undefined) return {};
  if (!Object.keys(evidence).some((key) => FORBIDDEN.includes(key))) return { evidence };
  const message = 'Send no key of this name.';
  throw new Refusal('VALIDATION_FAILED', message, { errors: [{ field: 'evidence', code: 'FORBIDDEN_KEY', message }] });
}
