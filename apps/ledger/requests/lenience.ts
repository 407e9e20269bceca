import { onceEach, type Warning } from '../commands/answer.js';
import type { Parts } from '../parts.js';

const COUNTED = [
  'channels',
  'purposes',
  'categories',
  'method',
  'occurredAt',
  'reason',
  'recipient',
  'requestedBy',
  'Idempotency-Key',
];

/** Counts, for whoever holds the key, what of an opt-out was understood otherwise than it may have been meant. */
export function countLenience({ metrics }: Parts, keyId: string, warnings: readonly Warning[]): void {
  for (const { field } of onceEach(warnings)) metrics.lenientWarning(keyId, labelOf(field));
}

/** A label must not carry what a caller made up. */
function labelOf(field: string): string {
  return COUNTED.includes(field) ? field : 'other';
}
