import type { ActedAt, GrantRequest, RecordMessageRequest } from '#grpc-messages';
import { Refusal } from '#platform';

/** From messages to the bodies that HTTP would have brought, which are validated and read as those are. */
export function grantBody({ businessId: _, occurredAt, evidence, ...same }: GrantRequest) {
  return { ...same, ...evidenceIn(evidence), ...timeIn(occurredAt) };
}

export function messageBody({ businessId: _, occurredAt, ...same }: RecordMessageRequest) {
  return { ...same, ...timeIn(occurredAt) };
}

/** One that says neither is no absence, which would mean now and beat every STOP before: it is left to be refused. */
function timeIn(actedAt: ActedAt | undefined): { occurredAt?: string } {
  return actedAt === undefined ? {} : { occurredAt: actedAt.text ?? actedAt.instant ?? '' };
}

const FORBIDDEN = ['constructor', 'prototype'];

/** A map takes any text for a key; of JSON these never come so far. */
function evidenceIn(evidence: GrantRequest['evidence']): { evidence?: Readonly<Record<string, string>> } {
  if (evidence === undefined) return {};
  if (!Object.keys(evidence).some((key) => FORBIDDEN.includes(key))) return { evidence };
  const message = 'Send no key of this name.';
  throw new Refusal('VALIDATION_FAILED', message, { errors: [{ field: 'evidence', code: 'FORBIDDEN_KEY', message }] });
}
