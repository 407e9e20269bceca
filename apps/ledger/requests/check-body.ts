import type { Topic } from '#consent';
import { isPosition } from '#event-store';
import { Refusal, invalid } from '#platform';
import type { Parts } from '../parts.js';
import type { Check } from '../queries/check-eligibility.js';
import { topicOf } from '../queries/question.js';
import { register } from '../commands/register.js';
import { nameRecipient, unknownField } from './name-recipient.js';

/** What a check asks, before anything of it is trusted. */
export interface RawCheck {
  readonly recipient?: unknown;
  readonly channel?: unknown;
  readonly purpose?: unknown;
  readonly sender?: unknown;
}

/** One question of many as its JSON says it. `ref` comes back with the answer, whatever that is. */
export interface ReadItem {
  readonly ref: unknown;
  readonly item: RawCheck | Refusal;
}

const ITEM_FIELDS: ReadonlySet<string> = new Set(['ref', 'recipient', 'channel', 'purpose', 'sender']);

/** A field that is passed by in silence may be the position that the answer must not be from before. */
export function readItem(value: unknown): ReadItem {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { ref: undefined, item: NO_DEFAULTS };
  const { ref } = value as { readonly ref?: unknown };
  for (const name in value) if (!ITEM_FIELDS.has(name)) return { ref, item: unknownField('', name) };
  return { ref, item: value };
}

/** Turns one item into a check, or into the refusal that tells what is wrong with it. */
export function readCheck(
  parts: Parts,
  businessId: string,
  item: RawCheck,
  defaults: RawCheck = NO_DEFAULTS,
): Check | Refusal {
  const topic = readTopic(parts, businessId, item, defaults);
  if (topic instanceof Refusal) return topic;
  if (item.recipient === undefined) return misfit('recipient', undefined);
  const recipient = nameRecipient(parts, businessId, item.recipient);
  return recipient instanceof Refusal ? recipient : { recipientId: recipient.recipientId, topic };
}

const NO_DEFAULTS: RawCheck = {};

/** What is asked, whoever it is asked about. */
export function readTopic(
  parts: Parts,
  businessId: string,
  item: RawCheck,
  defaults: RawCheck = NO_DEFAULTS,
): Topic | Refusal {
  const channel = item.channel ?? defaults.channel;
  const purpose = item.purpose ?? defaults.purpose;
  const sender = item.sender ?? defaults.sender;
  if (typeof channel !== 'string') return misfit('channel', channel);
  if (typeof purpose !== 'string') return misfit('purpose', purpose);
  if (sender !== undefined && typeof sender !== 'string') return misfit('sender', sender);
  return topicOf(register(parts, businessId), channel, purpose, sender);
}

/** What a compiled schema says of a field that is not there, so that a caller meets one code for it on every route. */
function misfit(field: string, value: unknown): Refusal {
  if (value === undefined) return invalid([{ field, code: 'REQUIRED', message: 'This field is required.' }]);
  const message = `Send ${field} as a text.`;
  return invalid([{ field, code: 'IS_STRING', message }]);
}

/** A position to wait for, if one is asked for; `consistency: atLeast` without one asks for nothing. */
export function requirePosition(atLeast: unknown, consistency: unknown): string | undefined {
  if (atLeast === undefined && consistency !== 'atLeast') return undefined;
  if (isPosition(atLeast)) return atLeast;
  const message = 'Send a position as an earlier answer gave it.';
  throw new Refusal('VALIDATION_FAILED', message, { errors: [{ field: 'atLeast', code: 'POSITION', message }] });
}

export function requireBatch(parts: Parts, items: readonly unknown[]): void {
  const { batchMax } = parts.config.limits;
  if (items.length > batchMax) throw new Refusal('BATCH_TOO_LARGE', `Send at most ${batchMax} items at once.`);
}
