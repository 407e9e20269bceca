import { ALL, CHANNELS } from '#consent';

/** A JSON Schema, or a part of one, of keywords that draft 7 and 2020-12 share; and `dependentRequired`. */
export type JsonSchema = Readonly<Record<string, unknown>>;

export const TEXT = { type: 'string' } as const;
export const FLAG = { type: 'boolean' } as const;
export const INSTANT = {
  type: 'string',
  pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$',
  description: 'ISO-8601, UTC, with exactly three decimals: the order of the texts is that of time.',
} as const;
export const EVENT_ID = { type: 'string', minLength: 1, description: 'Of the event in the ledger.' } as const;
export const RECIPIENT_ID = {
  type: 'string',
  minLength: 1,
  description: 'A pseudonym of the person for one business: 43 characters of base64url.',
} as const;
export const BUSINESS_ID = {
  type: 'string',
  description: 'Empty where the ledger could not read it; the record then denies.',
} as const;
export const POSITION = {
  type: 'string',
  pattern: '^[A-Za-z0-9_-]{1,64}\\.\\d{1,15}$',
  description:
    'A place in the ledger, `<ledger id>.<number>`. Of one ledger id the greater number is later; two ledger ids have no order.',
} as const;

export const CHANNEL = words(CHANNELS);
export const CHANNEL_OR_ALL = words([...CHANNELS, ALL]);

export function words(list: readonly string[]): JsonSchema {
  return { type: 'string', enum: list };
}

export function listOf(items: JsonSchema): JsonSchema {
  return { type: 'array', items };
}

/** An object to which members may be added within the major version; those of `optional` may be absent. */
export function object(
  needed: Readonly<Record<string, JsonSchema>>,
  optional: Readonly<Record<string, JsonSchema>> = {},
): JsonSchema {
  return { type: 'object', required: Object.keys(needed), properties: { ...needed, ...optional } };
}
