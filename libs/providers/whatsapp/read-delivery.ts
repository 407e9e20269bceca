import { createHash } from 'node:crypto';
import type { Delivery, Part } from './delivery.js';
import { keep, type Found } from './found.js';
import { listOf, objectOf, parseJson, textOf, type JsonObject } from './json.js';
import { readContacts } from './people.js';
import { readValue } from './read-value.js';
import { deliveryOf, partOf } from './unrouted.js';
import { fieldKind } from './words.js';

const LONGEST_ID = 64;

/**
 * Reads one webhook delivery of the WhatsApp Cloud API, whose signature has been checked. Never throws: what cannot be
 * read becomes an unrouted part, and the rest is read all the same. The work grows with the size of the body alone.
 */
export function readDelivery(rawBody: Uint8Array): Delivery {
  const delivery = objectOf(parseJson(rawBody));
  const entries = listOf(delivery?.entry);
  if (delivery === undefined || entries === undefined)
    return { facts: [], samePeople: [], unrouted: [wholeDelivery(rawBody)], ignored: {}, unreadable: true };
  const deliveryDigest = () => createHash('sha256').update(rawBody).digest('hex');
  const found: Found = {
    facts: [],
    samePeople: new Map(),
    unrouted: [],
    ignored: {},
    deliveryDigest,
    keepWhole: false,
  };
  for (const entry of entries) readEntry(entry, found);
  keepStrangers(delivery, 'entry', found);
  if (found.keepWhole) found.unrouted.push(wholeDelivery(rawBody));
  const { facts, samePeople, unrouted, ignored } = found;
  return { facts, samePeople: [...samePeople.values()], unrouted, ignored };
}

/** Bytes that are not UTF-8 are kept as base64, so that not one of them is lost. */
function wholeDelivery(rawBody: Uint8Array): Part {
  const bytes = Buffer.from(rawBody);
  const text = bytes.toString('utf8');
  const isUtf8 = Buffer.from(text, 'utf8').equals(bytes);
  const body = isUtf8 ? text : JSON.stringify({ base64: bytes.toString('base64') });
  return partOf({ reason: 'unreadable', kind: 'unknown' }, body);
}

function readEntry(entry: unknown, found: Found): void {
  const changes = listOf(objectOf(entry)?.changes);
  if (changes === undefined) {
    keep(found, { reason: 'unreadable', kind: 'unknown' }, () => deliveryOf(entry));
    return;
  }
  const known = objectOf(entry) ?? {};
  for (const change of changes) readChange(change, known, found);
  keepStrangers(known, 'changes', found);
}

/** A missing field does not hide the messages beside it; the messages of another field are not the person's. */
function readChange(change: unknown, entry: JsonObject, found: Found): void {
  const field = objectOf(change)?.field;
  const value = objectOf(objectOf(change)?.value);
  const providerId = textOf(objectOf(value?.metadata)?.phone_number_id, LONGEST_ID);
  const isRead = field === 'messages' || field === 'user_preferences' || typeof field !== 'string';
  if (isRead && value !== undefined && providerId !== undefined) {
    readValue(value, { providerId, contacts: readContacts(value.contacts) }, found);
    keepStrangers(objectOf(change) ?? {}, 'value', found);
    return;
  }
  const reason = isRead || value === undefined ? 'unreadable' : 'unsupported_type';
  keep(found, { reason, kind: fieldKind(field), providerId }, () => deliveryOf(withOnly(entry, change)));
}

/**
 * Members that nobody documented, beside the one that was read. Something may be said in them, so they are kept; a bare
 * word or number says nothing that anybody could act on.
 */
function keepStrangers(parent: JsonObject, read: string, found: Found): void {
  for (const [name, content] of Object.entries(parent)) {
    if (name === read || typeof content !== 'object' || content === null) continue;
    const label = { reason: 'unsupported_type', kind: 'unknown' } as const;
    keep(found, label, () => JSON.stringify({ entry: [], [name === 'entry' ? 'unknown' : name]: content }));
  }
}

/** The account and the time of an entry, as far as they are short, around a single one of its changes. */
function withOnly({ id, time }: JsonObject, change: unknown): JsonObject {
  return { id: textOf(id, LONGEST_ID), time: typeof time === 'number' ? time : undefined, changes: [change] };
}
