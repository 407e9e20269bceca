import { type JsonSchema, satisfies } from './decorators.js';

interface Each {
  /** The rule holds for every entry of a list. */
  readonly each?: boolean;
}

const ID_PATTERN = '^[a-z0-9][a-z0-9_-]{0,62}$';
const ID_EXPRESSION = new RegExp(ID_PATTERN);

/** `businessId`, `purposeId`, `senderId`, `disclosureId`. */
export function IsBusinessId(each: Each = {}): PropertyDecorator {
  const message =
    'Must begin with a lower-case letter or digit and go on with at most 62 of those, hyphens or underscores.';
  const check = (value: unknown) => typeof value === 'string' && ID_EXPRESSION.test(value);
  return satisfies({ name: 'isBusinessId', check, message, schema: { type: 'string', pattern: ID_PATTERN } }, each);
}

/** ISO-8601 with an offset, or a day alone unless `instantOnly`, of a date that exists. */
export function IsClaimedTime({ instantOnly = false } = {}): PropertyDecorator {
  const instant = 'Must be an ISO-8601 instant with an offset, such as 2026-03-01T09:30:00Z';
  const message = instantOnly ? `${instant}.` : `${instant}, or a day, such as 2026-03-01.`;
  const dateTime = { format: 'date-time' };
  const schema = { type: 'string', ...(instantOnly ? dateTime : { anyOf: [dateTime, { format: 'date' }] }) };
  return satisfies({ name: 'isClaimedTime', check: (value) => isClaimedTime(value, instantOnly), message, schema });
}

const CLAIMED_TIME = /^(\d{4}-\d\d-\d\d)(T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:\d\d))?$/;

function isClaimedTime(value: unknown, instantOnly: boolean): boolean {
  const [, day, time] = (typeof value === 'string' && CLAIMED_TIME.exec(value)) || [];
  if (day === undefined || (instantOnly && time === undefined)) return false;
  const midnight = Date.parse(`${day}T00:00:00.000Z`);
  // 30 February is read as a day of March; then the text does not come back as it was.
  return midnight >= 0 && new Date(midnight).toISOString().startsWith(day) && Date.parse(value as string) >= 0;
}

interface TextLimits {
  /** In UTF-16 code units, as `String.length` counts them; so is `min`, which is 1 unless given. */
  readonly max: number;
  readonly min?: number;
}

/**
 * Text without NUL and other control characters; line breaks and tabs are part of texts that people write, but alone they
 * say nothing: a disclosure of blanks would prove that nobody was told anything.
 */
export function IsCleanText({ max, min = 1 }: TextLimits, each: Each = {}): PropertyDecorator {
  const check = (value: unknown) => isCleanText(value, min, max) && /\S/.test(value);
  const message = `Must be text of ${min} to ${max} characters, not all of them blank, without control characters.`;
  const schema = { type: 'string', minLength: min, maxLength: max, pattern: '\\S' };
  return satisfies({ name: 'isCleanText', check, message, schema }, each);
}

const CONTROL_OR_HALF_PAIR = /[^\P{Cc}\t\r\n]|\p{Cs}/u;

function isCleanText(value: unknown, min: number, max: number): value is string {
  if (typeof value !== 'string' || value.length < min || value.length > max) return false;
  return !CONTROL_OR_HALF_PAIR.test(value);
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

interface FlatLimits {
  readonly maxFields: number;
  /** Of each text. */
  readonly maxLength: number;
}

const FLAT_KEY = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/;

/** A flat object whose values are all texts, such as evidence. */
export function IsFlatStrings({ maxFields, maxLength }: FlatLimits): PropertyDecorator {
  const check = (value: unknown) => isFlatObject(value, maxFields, (item) => isCleanText(item, 0, maxLength));
  const message = flatMessage('texts', maxFields, maxLength);
  return satisfies({ name: 'isFlatStrings', check, message, schema: flatSchema(maxFields, textSchema(maxLength)) });
}

/** A flat object of texts, numbers and booleans, such as a policy. */
export function IsFlatScalars({ maxFields, maxLength }: FlatLimits): PropertyDecorator {
  const fits = (item: unknown) => isCleanText(item, 0, maxLength) || isScalar(item);
  const check = (value: unknown) => isFlatObject(value, maxFields, fits);
  const message = flatMessage('texts, numbers or booleans', maxFields, maxLength);
  const scalar = { anyOf: [textSchema(maxLength), { type: 'number' }, { type: 'boolean' }] };
  return satisfies({ name: 'isFlatScalars', check, message, schema: flatSchema(maxFields, scalar) });
}

function flatMessage(kinds: string, maxFields: number, maxLength: number): string {
  return `Must be a flat object of at most ${maxFields} ${kinds}, texts of at most ${maxLength} characters, under keys of at most 64 letters, digits, dots, hyphens and underscores.`;
}

function textSchema(maxLength: number): JsonSchema {
  return { type: 'string', maxLength };
}

function flatSchema(maxFields: number, values: JsonSchema): JsonSchema {
  const propertyNames = { pattern: FLAT_KEY.source };
  return { type: 'object', maxProperties: maxFields, propertyNames, additionalProperties: values };
}

function isScalar(value: unknown): boolean {
  return typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value));
}

function isFlatObject(value: unknown, maxFields: number, fits: (item: unknown) => boolean): boolean {
  if (!isPlainObject(value)) return false;
  const entries = Object.entries(value);
  return entries.length <= maxFields && entries.every(([key, item]) => FLAT_KEY.test(key) && fits(item));
}
