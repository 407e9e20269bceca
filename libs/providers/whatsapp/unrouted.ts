import { createHash } from 'node:crypto';
import { epochMsOf, SECOND_MS } from '#consent';
import type { MessageFact, Part, PersonAddress, UnroutedReason } from './delivery.js';
import type { JsonObject } from './json.js';

const OBJECT = 'whatsapp_business_account';

/** What a part is called, by whom it can be routed, and why no command was made from it. */
export interface PartLabel {
  readonly reason: UnroutedReason;
  readonly kind: string;
  readonly providerId?: string | undefined;
}

/** The JSON of a delivery that holds one value of one sender, and nothing else. */
export function smallestDelivery(providerId: string, field: string, value: JsonObject): string {
  const routed = { messaging_product: 'whatsapp', metadata: { phone_number_id: providerId }, ...value };
  return deliveryOf({ changes: [{ value: routed, field }] });
}

/** The JSON of a delivery of one entry. Throws a `RangeError` where the entry is nested too deep to be written. */
export function deliveryOf(entry: unknown): string {
  return JSON.stringify({ object: OBJECT, entry: [entry] });
}

export function partOf({ reason, kind, providerId }: PartLabel, body: string): Part {
  const id = createHash('sha256').update(body).digest('base64url');
  return { id, reason, kind, ...(providerId === undefined ? {} : { providerId }), body };
}

/**
 * Keeps a fact whose sender no business has bound. It is written anew from what the fact says, so that a text which is
 * no opt-out stays unkept; `readDelivery` of the body gives the same fact again.
 */
export function unroutedFact(fact: MessageFact): Part {
  const message = {
    ...Object.fromEntries(fact.addresses.map(addressField)),
    id: fact.messageId,
    ...(fact.claimedSecond === undefined ? {} : { timestamp: String(epochMsOf(fact.claimedSecond) / SECOND_MS) }),
    ...(fact.isButton
      ? { type: 'button', button: { text: fact.text } }
      : { type: 'text', text: { body: fact.text ?? '' } }),
  };
  const kind = fact.isButton ? 'message:button' : 'message:text';
  const label = { reason: 'unknown_sender', kind, providerId: fact.providerId } as const;
  return partOf(label, smallestDelivery(fact.providerId, 'messages', { messages: [message] }));
}

function addressField(address: PersonAddress): [string, string] {
  return address.kind === 'phone' ? ['from', address.digits] : ['from_user_id', address.value];
}
