import { keep, noteSamePerson, type Found } from './found.js';
import { listOf, objectOf, textOf, type JsonObject } from './json.js';
import { addressesOf, completed, contactOf, personOf, type Contacts, type Person } from './people.js';
import { isText, readFact } from './read-message.js';
import { smallestDelivery, type PartLabel } from './unrouted.js';
import { isProgress, messageKind, statusKind, valueKind } from './words.js';

/** "This recipient has chosen to stop receiving marketing messages": the one error code that is a person's own wish. */
const STOPPED_MARKETING = '131050';
const LONGEST_CODE = 16;

/** The sender that a value came in for, and the people it speaks of. */
export interface Source {
  readonly providerId: string;
  readonly contacts: Contacts;
}

const NOBODY: Person = {};

/** Reads the lists of one `value`, each item by itself, so that a broken one stops no other. */
export function readValue(value: JsonObject, source: Source, found: Found): void {
  for (const [name, content] of Object.entries(value)) {
    switch (name) {
      case 'messaging_product':
      case 'metadata':
      case 'contacts':
        break;
      case 'messages':
        readMessages(content, source, found);
        break;
      case 'statuses':
        readStatuses(content, source, found);
        break;
      case 'user_preferences':
        readPreferences(content, source, found);
        break;
      default:
        keepItem({ reason: 'unsupported_type', kind: valueKind(name) }, { [name]: content }, NOBODY, source, found);
    }
  }
}

function readMessages(content: unknown, source: Source, found: Found): void {
  const messages = listOf(content);
  const unreadable: PartLabel = { reason: 'unreadable', kind: messageKind(undefined) };
  if (messages === undefined) return keepItem(unreadable, { messages: content }, NOBODY, source, found);
  for (const item of messages) {
    const message = objectOf(item);
    if (message === undefined) keepItem(unreadable, { messages: [item] }, NOBODY, source, found);
    else readMessage(message, senderOf(message, messages.length, source), source, found);
  }
}

/** A message that names nobody is the one contact's, where there is one contact and one message. */
function senderOf(message: JsonObject, messageCount: number, { contacts }: Source): Person {
  const sender = completed(personOf(message.from, message.from_user_id), contacts);
  const isNamed = addressesOf(sender).length > 0;
  return isNamed || messageCount > 1 ? sender : (contacts.only ?? sender);
}

function readMessage(message: JsonObject, sender: Person, source: Source, found: Found): void {
  const { providerId } = source;
  const origin = { providerId, deliveryDigest: found.deliveryDigest };
  if (isOfOnePerson(message)) noteSamePerson(found, providerId, message, sender);
  const fact = isOfGroup(message) ? undefined : readFact(message, sender, origin);
  if (fact) found.facts.push(fact);
  else keepItem(labelOf(message), { messages: [message] }, sender, source, found);
}

/** In a group nobody writes to the business alone, so nothing there is a fact about consent. */
function isOfGroup({ group_id: groupId }: JsonObject): boolean {
  return groupId !== undefined && groupId !== null;
}

/** A system message tells of a change, and names by one address who somebody was, and by the other who they are now. */
function isOfOnePerson(message: JsonObject): boolean {
  return message.type !== 'system' && !isOfGroup(message);
}

/** What a message is called that no fact came of: a text is read here, so it can only have been unreadable. */
function labelOf(message: JsonObject): PartLabel {
  if (isOfGroup(message)) return { reason: 'unsupported_type', kind: 'message:group' };
  if (isText(message)) return { reason: 'unreadable', kind: messageKind('text') };
  const reason = typeof message.type === 'string' ? 'unsupported_type' : 'unreadable';
  return { reason, kind: messageKind(message.type) };
}

function readStatuses(content: unknown, source: Source, found: Found): void {
  const unreadable: PartLabel = { reason: 'unreadable', kind: statusKind(undefined) };
  const statuses = listOf(content);
  if (statuses === undefined) return keepItem(unreadable, { statuses: content }, NOBODY, source, found);
  for (const item of statuses) {
    const status = objectOf(item);
    if (status === undefined) keepItem(unreadable, { statuses: [item] }, NOBODY, source, found);
    else readStatus(status, source, found);
  }
}

/** A failure without a readable code may be the one that matters, so it is kept too. */
function readStatus(status: JsonObject, source: Source, found: Found): void {
  const codes = codesOf(status.errors);
  const word = status.status;
  const person = completed(personOf(status.recipient_id, status.recipient_user_id), source.contacts);
  noteSamePerson(found, source.providerId, status, person);
  const keepAs = (label: PartLabel) => keepItem(label, { statuses: [status] }, person, source, found);
  if (codes.includes(STOPPED_MARKETING)) return keepAs({ reason: 'unsupported_type', kind: 'status:131050' });
  if (!isProgress(word)) return keepAs({ reason: 'unsupported_type', kind: statusKind(word) });
  const isUnclear = codes.length === 0 || codes.includes(undefined);
  if (word === 'failed' && isUnclear) return keepAs({ reason: 'unreadable', kind: statusKind(word) });
  found.ignored[word] = (found.ignored[word] ?? 0) + 1;
}

/** The codes of a status's errors, undefined for each that cannot be read. */
function codesOf(errors: unknown): readonly (string | undefined)[] {
  return (listOf(errors) ?? []).map((error) => textOf(objectOf(error)?.code, LONGEST_CODE));
}

function readPreferences(content: unknown, source: Source, found: Found): void {
  const items = listOf(content);
  const kind = 'user_preferences';
  if (items === undefined) return keepItem({ reason: 'unreadable', kind }, { [kind]: content }, NOBODY, source, found);
  for (const item of items) {
    const preference = objectOf(item);
    const person = completed(personOf(preference?.wa_id, preference?.user_id), source.contacts);
    const reason = preference === undefined ? 'unreadable' : 'unsupported_type';
    keepItem({ reason, kind }, { [kind]: [item] }, person, source, found);
  }
}

function keepItem(label: PartLabel, item: JsonObject, person: Person, source: Source, found: Found): void {
  const { providerId } = source;
  const contacts = addressesOf(person).length === 0 ? {} : { contacts: [contactOf(person)] };
  const field = 'user_preferences' in item ? 'user_preferences' : 'messages';
  keep(found, { ...label, providerId }, () => smallestDelivery(providerId, field, { ...contacts, ...item }));
}
