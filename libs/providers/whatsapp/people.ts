import { keyForm } from '#consent';
import type { PersonAddress } from './delivery.js';
import { listOf, objectOf, textOf, type JsonObject } from './json.js';

const WRITTEN_PHONE = /^\+?\d[\d ().-]*$/;
const LONGEST_WRITTEN_PHONE = 40;
const USER_ID = /^[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}$/;
const LONGEST_USER_ID = 160;

/** What a webhook says of one person. Either may be unknown: people with a user name hide their number. */
export interface Person {
  readonly phone?: string | undefined;
  readonly userId?: string | undefined;
}

/** The `contacts` of one value, found by phone or by user id without walking them again for each message. */
export interface Contacts {
  readonly byPhone: ReadonlyMap<string, Person>;
  readonly byUserId: ReadonlyMap<string, Person>;
  /** The one person of a value that has a single contact. */
  readonly only?: Person | undefined;
}

export function readContacts(value: unknown): Contacts {
  const byPhone = new Map<string, Person>();
  const byUserId = new Map<string, Person>();
  const items = listOf(value) ?? [];
  for (const item of items) {
    const contact = objectOf(item);
    if (contact === undefined) continue;
    const person = personOf(contact.wa_id, contact.user_id);
    if (person.phone !== undefined) learn(byPhone, keyForm('phone', person.phone), person);
    if (person.userId !== undefined) learn(byUserId, person.userId, person);
  }
  const [only] = byPhone.size > 0 ? byPhone.values() : byUserId.values();
  return { byPhone, byUserId, only: items.length === 1 ? only : undefined };
}

/** Somebody may stand in the list more than once: what one entry leaves out does not undo what another one says. */
function learn(people: Map<string, Person>, key: string, { phone, userId }: Person): void {
  const known = people.get(key);
  people.set(key, { phone: phone ?? known?.phone, userId: userId ?? known?.userId });
}

export function personOf(phone: unknown, userId: unknown): Person {
  return { phone: phoneOf(phone), userId: userIdOf(userId) };
}

/** Adds what the contacts know. What was said of the person directly wins over what a contact says. */
export function completed(person: Person, contacts: Contacts): Person {
  const byPhone = person.phone === undefined ? undefined : contacts.byPhone.get(keyForm('phone', person.phone));
  const byUserId = person.userId === undefined ? undefined : contacts.byUserId.get(person.userId);
  return { phone: person.phone ?? byUserId?.phone, userId: person.userId ?? byPhone?.userId };
}

export function addressesOf({ phone, userId }: Person): readonly PersonAddress[] {
  return [
    ...(phone === undefined ? [] : [{ kind: 'phone', digits: phone } as const]),
    ...(userId === undefined ? [] : [{ kind: 'whatsapp_user_id', value: userId } as const]),
  ];
}

/** A person as `contacts` says it, without the profile: a name is not needed to find them again. */
export function contactOf({ phone, userId }: Person): JsonObject {
  return {
    ...(phone === undefined ? {} : { wa_id: phone }),
    ...(userId === undefined ? {} : { user_id: userId }),
  };
}

/** No country code begins with 0: who writes `00` before it means `+`. */
function phoneOf(value: unknown): string | undefined {
  const written = textOf(value, LONGEST_WRITTEN_PHONE);
  if (written === undefined || !WRITTEN_PHONE.test(written)) return undefined;
  return written.replace(/\D/g, '').replace(/^00(?=\d)/, '');
}

function userIdOf(value: unknown): string | undefined {
  const text = textOf(value, LONGEST_USER_ID);
  return text !== undefined && USER_ID.test(text) ? text : undefined;
}
