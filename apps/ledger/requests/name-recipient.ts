import { Refusal, fieldPath, invalid } from '#platform';
import { isRecipientId, readAddress, type ReadAddress } from '#vault';
import type { Warning } from '../commands/answer.js';
import { recipientNotFound } from '../ownership.js';
import type { Parts } from '../parts.js';
import { ignoredWarnings } from './revocation-body.js';

/** A recipient of a request: its id, and the address as it was given where there was one (personal: to be sealed). */
export interface NamedRecipient {
  readonly recipientId: string;
  readonly address?: { readonly kind: string; readonly given: string };
  /** Set where an opt-out's address could not be read as what it claims to be and was kept as it stands. */
  readonly unparsed?: true;
}

export const ADDRESS_FIELDS = ['phone', 'email', 'whatsappUserId', 'recipientId'] as const;
const KNOWN_FIELDS: ReadonlySet<string> = new Set(ADDRESS_FIELDS);

/**
 * One recipient, read strictly; answers a refusal rather than throwing, so that a batch can go on. A field that is passed
 * by in silence may be a second address, misspelt, whose stop the caller believes to be looked for.
 */
export function nameRecipient(
  parts: Parts,
  businessId: string,
  recipient: unknown,
  path = 'recipient',
): NamedRecipient | Refusal {
  const stranger = strangerIn(recipient);
  if (stranger !== undefined) return unknownField(path, stranger);
  const read = readAddress(recipient, options(parts, businessId, false));
  return 'problem' in read ? refusalOf(read, path) : named(parts, businessId, read);
}

function strangerIn(recipient: unknown): string | undefined {
  if (typeof recipient !== 'object' || Array.isArray(recipient)) return undefined;
  for (const name in recipient) if (!KNOWN_FIELDS.has(name)) return name;
  return undefined;
}

export function unknownField(parent: string, name: string): Refusal {
  const message = 'There is no such field here.';
  return invalid([{ field: fieldPath(parent, name), code: 'UNKNOWN_FIELD', message }]);
}

/** Whom an opt-out is recorded for, and which of the fields that should name them could not be read at all. */
export interface NamedByRevocation {
  readonly recipients: readonly NamedRecipient[];
  readonly unread: readonly string[];
}

/** An opt-out is recorded for every address that it names; only one that names no person at all is turned away. */
export function nameRevoked(parts: Parts, businessId: string, recipient: unknown): NamedByRevocation {
  const fields = addressFieldsOf(onlyOne(recipient));
  const given = ADDRESS_FIELDS.filter((field) => Object.hasOwn(fields, field));
  const read = given.map((field) => readAddress({ [field]: onlyOne(fields[field]) }, options(parts, businessId, true)));
  const recipients = read.flatMap((one) => ('problem' in one ? [] : [named(parts, businessId, one)]));
  const failed = read.find((one) => 'problem' in one) ?? readAddress(fields, options(parts, businessId, true));
  if (recipients.length === 0 && 'problem' in failed) throw refusalOf(failed, 'recipient');
  return { recipients, unread: read.flatMap((one) => ('problem' in one && one.field !== '' ? [one.field] : [])) };
}

/**
 * What the caller may believe to be named and is not. A misspelt address beside a good one would be an opt-out that nobody
 * ever hears of.
 */
export function namingWarnings(recipient: unknown): readonly Warning[] {
  if (Array.isArray(recipient)) {
    const list = { field: 'recipient', message: 'A list of one: that one was read. Send the object alone.' };
    return [list, ...recipient.flatMap(namingWarnings)];
  }
  if (typeof recipient === 'object' && recipient !== null)
    return ignoredWarnings(recipient, ADDRESS_FIELDS, 'recipient');
  return [
    { field: 'recipient', message: `Not an object: read by its looks. Send one of ${ADDRESS_FIELDS.join(', ')}.` },
  ];
}

/** Somebody who is named in a list, alone, is named. Of several, who is meant is not for us to guess. */
function onlyOne(value: unknown): unknown {
  return Array.isArray(value) && value.length === 1 ? value[0] : value;
}

/** A bare text where the object should be still names a person: by what it looks like. */
function addressFieldsOf(recipient: unknown): Readonly<Record<string, unknown>> {
  if (typeof recipient === 'object' && recipient !== null) return recipient as Record<string, unknown>;
  if (typeof recipient === 'number') return { phone: recipient };
  if (typeof recipient !== 'string') return {};
  const text: string = recipient.trim();
  const isId: boolean = isRecipientId(text);
  if (isId) return { recipientId: text };
  if (/^[A-Z]{2}\.\w/.test(text)) return { whatsappUserId: text };
  return text.includes('@') ? { email: text } : { phone: text };
}

function options(parts: Parts, businessId: string, lenient: boolean) {
  return { lenient, defaultRegion: parts.view.catalogue.business(businessId)?.state.profile?.defaultRegion };
}

type Readable = Exclude<ReadAddress, { problem: unknown }>;
type Unreadable = Extract<ReadAddress, { problem: unknown }>;

function named(parts: Parts, businessId: string, read: Readable): NamedRecipient {
  if ('recipientId' in read) return read;
  const recipientId = parts.ids.recipientId(businessId, read.kind, read.keyForm);
  const address = { kind: read.kind, given: read.given };
  return read.unparsed ? { recipientId, address, unparsed: true } : { recipientId, address };
}

function refusalOf({ problem, field, message }: Unreadable, path: string): Refusal {
  const code = problem === 'invalid' ? 'ADDRESS_INVALID' : 'VALIDATION_FAILED';
  const name = field === '' ? path : `${path}.${field}`;
  return new Refusal(code, message, { errors: [{ field: name, code: problem.toUpperCase(), message }] });
}

export function requireRecipientId(value: string): string {
  if (!isRecipientId(value)) throw recipientNotFound();
  return value;
}
