import { ProtoReader } from '#protobuf';
import type { Recipient } from './decision.js';
import type { CheckBatchRequest, CheckItem, CheckRequest } from './eligibility.js';

/** While a message is read: a text that is not there is undefined. */
type Draft<T> = { -readonly [K in keyof T]: T[K] | undefined };

/** What `CHECK_REQUEST` reads, at a part of its cost. Throws `MalformedMessage` likewise. */
export function decodeCheckRequest(bytes: Buffer): CheckRequest {
  const reader = new ProtoReader(bytes);
  const request: Draft<CheckRequest> = { businessId: '' };
  while (reader.next()) {
    if (reader.field === 1) request.businessId = reader.strictString();
    else if (reader.field === 2) request.recipient = readRecipient(reader.message());
    else if (reader.field === 3) request.channel = textOf(reader);
    else if (reader.field === 4) request.purpose = textOf(reader);
    else if (reader.field === 5) request.sender = textOf(reader);
    else if (reader.field === 6) request.atLeast = textOf(reader);
    else if (reader.field === 7) request.consistency = textOf(reader);
    else reader.skip();
  }
  return request as CheckRequest;
}

/**
 * What `CHECK_BATCH_REQUEST` and `FILTER_REQUEST` read. Checks beyond `most` are counted and not read: a message of a
 * mebibyte holds half a million empty ones, and whoever is to turn it away would be busy with them.
 */
export function decodeCheckBatchRequest(bytes: Buffer, most: number): CheckBatchRequest {
  const reader = new ProtoReader(bytes);
  const checks: CheckItem[] = [];
  const request: Draft<CheckBatchRequest> = { businessId: '', checks };
  while (reader.next()) {
    if (reader.field === 7) checks.push(checks.length < most ? readItem(reader.message()) : unread(reader));
    else if (reader.field === 1) request.businessId = reader.strictString();
    else if (reader.field === 2) request.channel = textOf(reader);
    else if (reader.field === 3) request.purpose = textOf(reader);
    else if (reader.field === 4) request.sender = textOf(reader);
    else if (reader.field === 5) request.atLeast = textOf(reader);
    else if (reader.field === 6) request.consistency = textOf(reader);
    else reader.skip();
  }
  return request as CheckBatchRequest;
}

function unread(reader: ProtoReader): CheckItem {
  reader.skip();
  return UNREAD;
}

const UNREAD: CheckItem = {};

function readItem(reader: ProtoReader): CheckItem {
  const item: Draft<CheckItem> = {};
  while (reader.next()) {
    if (reader.field === 1) item.recipient = readRecipient(reader.message());
    else if (reader.field === 2) item.ref = textOf(reader);
    else if (reader.field === 3) item.channel = textOf(reader);
    else if (reader.field === 4) item.purpose = textOf(reader);
    else if (reader.field === 5) item.sender = textOf(reader);
    else reader.skip();
  }
  return item as CheckItem;
}

function readRecipient(reader: ProtoReader): Recipient {
  const recipient: Draft<Recipient> = {};
  while (reader.next()) {
    if (reader.field === 4) recipient.recipientId = textOf(reader);
    else if (reader.field === 1) recipient.phone = textOf(reader);
    else if (reader.field === 2) recipient.email = textOf(reader);
    else if (reader.field === 3) recipient.whatsappUserId = textOf(reader);
    else reader.skip();
  }
  return recipient as Recipient;
}

/** In proto3 an empty text is one that is not there. */
function textOf(reader: ProtoReader): string | undefined {
  const value = reader.strictString();
  return value === '' ? undefined : value;
}
