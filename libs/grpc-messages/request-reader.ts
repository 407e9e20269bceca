import { ProtoReader } from '#protobuf';
import type { Recipient } from './decision.js';
import type { CheckBatchRequest, CheckItem, CheckRequest } from './eligibility.js';

type Draft<T> = { -readonly [K in keyof T]: T[K] };

/** What `CHECK_REQUEST` reads, at a part of its cost. Throws `MalformedMessage` likewise. */
export function decodeCheckRequest(bytes: Buffer): CheckRequest {
  const reader = new ProtoReader(bytes);
  const request: Draft<CheckRequest> = { businessId: '' };
  while (reader.next()) {
    if (reader.field === 1) request.businessId = reader.strictString();
    else if (reader.field === 2) request.recipient = readRecipient(reader.message());
    else if (reader.field === 3) setText(request, 'channel', reader);
    else if (reader.field === 4) setText(request, 'purpose', reader);
    else if (reader.field === 5) setText(request, 'sender', reader);
    else if (reader.field === 6) setText(request, 'atLeast', reader);
    else if (reader.field === 7) setText(request, 'consistency', reader);
    else reader.skip();
  }
  return request;
}

/** What `CHECK_BATCH_REQUEST` and `FILTER_REQUEST` read. */
export function decodeCheckBatchRequest(bytes: Buffer): CheckBatchRequest {
  const reader = new ProtoReader(bytes);
  const checks: CheckItem[] = [];
  const request: Draft<CheckBatchRequest> = { businessId: '', checks };
  while (reader.next()) {
    if (reader.field === 7) checks.push(readItem(reader.message()));
    else if (reader.field === 1) request.businessId = reader.strictString();
    else if (reader.field === 2) setText(request, 'channel', reader);
    else if (reader.field === 3) setText(request, 'purpose', reader);
    else if (reader.field === 4) setText(request, 'sender', reader);
    else if (reader.field === 5) setText(request, 'atLeast', reader);
    else if (reader.field === 6) setText(request, 'consistency', reader);
    else reader.skip();
  }
  return request;
}

function readItem(reader: ProtoReader): CheckItem {
  const item: Draft<CheckItem> = {};
  while (reader.next()) {
    if (reader.field === 1) item.recipient = readRecipient(reader.message());
    else if (reader.field === 2) setText(item, 'ref', reader);
    else if (reader.field === 3) setText(item, 'channel', reader);
    else if (reader.field === 4) setText(item, 'purpose', reader);
    else if (reader.field === 5) setText(item, 'sender', reader);
    else reader.skip();
  }
  return item;
}

function readRecipient(reader: ProtoReader): Recipient {
  const recipient: Draft<Recipient> = {};
  while (reader.next()) {
    if (reader.field === 4) setText(recipient, 'recipientId', reader);
    else if (reader.field === 1) setText(recipient, 'phone', reader);
    else if (reader.field === 2) setText(recipient, 'email', reader);
    else if (reader.field === 3) setText(recipient, 'whatsappUserId', reader);
    else reader.skip();
  }
  return recipient;
}

/** In proto3 an empty text is one that is not there. */
function setText<K extends string>(into: { [name in K]?: string | undefined }, name: K, reader: ProtoReader): void {
  const value = reader.strictString();
  if (value !== '') into[name] = value;
  else delete into[name];
}
