/**
 * The words of Meta's webhooks that may be repeated in logs, metrics and lists. Whatever else a delivery says is called
 * `unknown`, so that no text of a payload, and nobody's number, gets out that way.
 * Source: Meta, WhatsApp Cloud API, webhook reference (message types, statuses, fields to subscribe).
 */
const MESSAGE_TYPES = new Set([
  'text',
  'reaction',
  'audio',
  'document',
  'image',
  'sticker',
  'video',
  'location',
  'contacts',
  'button',
  'interactive',
  'order',
  'system',
  'unsupported',
]);

const FIELDS = new Set([
  'messages',
  'user_preferences',
  'account_update',
  'account_alerts',
  'phone_number_quality_update',
  'business_capability_update',
  'template_category_update',
  'message_template_status_update',
]);

/** Statuses that say how far a message of the business got, and nothing about consent. */
const PROGRESS = new Set(['sent', 'delivered', 'read', 'played', 'failed']);

export function messageKind(type: unknown): string {
  return `message:${knownWord(MESSAGE_TYPES, type)}`;
}

export function fieldKind(field: unknown): string {
  return `field:${knownWord(FIELDS, field)}`;
}

export function statusKind(status: unknown): string {
  return `status:${knownWord(PROGRESS, status)}`;
}

/** What stands in a value beside its lists of messages, statuses and preferences. */
export function valueKind(name: string): string {
  return name === 'errors' ? 'value:errors' : 'value:unknown';
}

export function isProgress(status: unknown): status is string {
  return typeof status === 'string' && PROGRESS.has(status);
}

function knownWord(words: ReadonlySet<string>, word: unknown): string {
  return typeof word === 'string' && words.has(word) ? word : 'unknown';
}
