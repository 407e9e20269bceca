import type { Fact, Part, SamePerson } from './delivery.js';
import type { JsonObject } from './json.js';
import { addressesOf, type Person } from './people.js';
import { readMessageId, readSecond } from './read-message.js';
import { partOf, type PartLabel } from './unrouted.js';

/** What has been read of a delivery so far. */
export interface Found {
  readonly facts: Fact[];
  /** By both addresses and the sender. */
  readonly samePeople: Map<string, SamePerson>;
  readonly unrouted: Part[];
  readonly ignored: Record<string, number>;
  /** A digest of the whole delivery, made only where it is needed. */
  readonly deliveryDigest: () => string;
  /** Set where a part is nested too deep to be written by itself, so that the whole delivery has to be kept. */
  keepWhole: boolean;
}

/** `JSON.stringify` recurses where `JSON.parse` does not, so what could be read cannot always be written. */
export function keep(found: Found, label: PartLabel, writeBody: () => string): void {
  try {
    found.unrouted.push(partOf(label, writeBody()));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    found.keepWhole = true;
  }
}

/** Notes that a message or a status names somebody by both addresses, where it does. */
export function noteSamePerson(found: Found, providerId: string, item: JsonObject, person: Person): void {
  const [phone, userId] = addressesOf(person);
  if (phone?.kind !== 'phone' || userId?.kind !== 'whatsapp_user_id') return;
  const name = `${providerId} ${phone.digits} ${userId.value}`;
  if (found.samePeople.has(name)) return;
  const messageId = readMessageId(item.id) ?? `sha256:${found.deliveryDigest()}`;
  found.samePeople.set(name, { providerId, messageId, claimedSecond: readSecond(item.timestamp), phone, userId });
}
