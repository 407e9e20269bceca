import { Refusal } from '#platform';
import type { Warning } from '../commands/answer.js';

const MAX_LENGTH = 255;
const MESSAGE = `Send one key of 1 to ${MAX_LENGTH} visible characters, or none.`;

function isUsable(header: unknown): header is string {
  return typeof header === 'string' && header.length <= MAX_LENGTH && /^[\x20-\x7e]+$/.test(header);
}

export function idempotencyKey(header: unknown): { key?: string } {
  if (header === undefined) return {};
  if (isUsable(header)) return { key: header };
  throw new Refusal('VALIDATION_FAILED', MESSAGE, {
    errors: [{ field: 'Idempotency-Key', code: 'LENGTH', message: MESSAGE }],
  });
}

/** A revocation is never turned away for its key: an unusable one is ignored, and a warning says so. */
export function lenientIdempotencyKey(header: unknown): { key?: string; warnings: readonly Warning[] } {
  if (header === undefined) return { warnings: [] };
  if (isUsable(header)) return { key: header, warnings: [] };
  return { warnings: [{ field: 'Idempotency-Key', message: `Ignored. ${MESSAGE}` }] };
}
