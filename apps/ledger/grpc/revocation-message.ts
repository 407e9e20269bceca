import { readInstant } from '#grpc-messages';
import type { FieldError } from '#platform';
import { MalformedMessage, ProtoReader } from '#protobuf';
import { timeIn } from './consent-messages.js';

/** A `RevokeRequest` as far as it can be understood, in the form of HTTP's body. */
export interface RevocationMessage {
  readonly businessId: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** The fields that are in doubt. */
  readonly faults: readonly FieldError[];
}

type Read = (reader: ProtoReader, before: unknown) => unknown;

const text: Read = (reader) => reader.string();
const texts: Read = (reader, before = []) => {
  (before as string[]).push(reader.string());
  return before;
};

/** By the numbers of the .proto file. Bytes that are not UTF-8 are read as well as can be. */
const FIELDS: readonly (readonly [string, Read] | undefined)[] = [
  undefined,
  ['businessId', text],
  ['recipient', (reader, before) => readRecipient(reader.message(), before)],
  ['channels', texts],
  ['purposes', texts],
  ['categories', texts],
  ['method', text],
  ['reason', text],
  ['occurredAt', (reader) => readTime(reader.message())],
  ['occurredAtText', text],
];

/**
 * Reads what can be read: only a message that names no person is refused. A field of another type, or whose own content
 * cannot be read, is in doubt; where the message breaks off, everything after the person may be missing, so all of it is.
 */
export function readRevocationMessage(message: Buffer): RevocationMessage {
  const reader = new ProtoReader(message);
  const fields: Record<string, unknown> = {};
  const faults: FieldError[] = [];
  try {
    while (reader.next()) readField(reader, fields, faults);
  } catch (error) {
    if (!(error instanceof MalformedMessage) || fields.recipient === undefined) throw error;
    faults.push(...OPTIONAL.map(inDoubt));
  }
  const { businessId = '', occurredAt, occurredAtText, ...body } = fields as Partial<Record<string, string>>;
  return { businessId, body: { ...body, ...timeIn(occurredAt, occurredAtText) }, faults };
}

function readField(reader: ProtoReader, fields: Record<string, unknown>, faults: FieldError[]): void {
  const [name, read] = FIELDS[reader.field] ?? [`field_${reader.field}`, undefined];
  if (read && reader.isLengthDelimited) {
    const value = read(reader, fields[name]);
    if (value === IN_DOUBT) faults.push(inDoubt(name));
    else if (value !== '') fields[name] = value;
    return;
  }
  reader.skip();
  if (read) faults.push(inDoubt(name));
  else fields[name] = true;
}

const IN_DOUBT = Symbol('in doubt');
const OPTIONAL = ['channels', 'purposes', 'categories', 'method', 'reason', 'occurredAt'];

function inDoubt(field: string): FieldError {
  return { field, code: 'MALFORMED', message: 'Not what the .proto file says this field holds.' };
}

const ADDRESSES = ['', 'phone', 'email', 'whatsappUserId', 'recipientId'];

/** Every address that stands in it, though a sound message has one: the person is stopped under each. */
function readRecipient(reader: ProtoReader, before: unknown): unknown {
  const recipient: Record<string, string> = { ...(before as Record<string, string> | undefined) };
  try {
    while (reader.next()) {
      const name = ADDRESSES[reader.field];
      if (name && reader.isLengthDelimited) recipient[name] = reader.string();
      else reader.skip();
    }
  } catch (error) {
    if (!(error instanceof MalformedMessage)) throw error;
  }
  return recipient;
}

function readTime(reader: ProtoReader): unknown {
  try {
    return readInstant(reader);
  } catch (error) {
    if (error instanceof MalformedMessage) return IN_DOUBT;
    throw error;
  }
}
