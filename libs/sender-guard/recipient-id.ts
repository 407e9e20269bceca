import { createHmac } from 'node:crypto';
import { domainToASCII } from 'node:url';
import { keyForm, type AddressKind } from '#consent';

/** Exactly one address, and the key Kb of the business. */
export type RecipientAddress = { readonly key: Uint8Array } & (
  { readonly phone: string } | { readonly email: string } | { readonly whatsappUserId: string }
);

/** An address that no id can be made of. The message never holds the address. */
export class AddressInvalid extends Error {
  readonly code = 'ADDRESS_INVALID';
}

const KEY_BYTES = 32;
const E164 = /^\+[1-9]\d{4,17}$/;
const WHATSAPP_USER_ID = /^[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}$/;
const DOMAIN = /^(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9-]{2,63}$/;
const NOT_IN_A_LOCAL_PART = /[\s\p{C}@<>(),;:\\[\]]/u;
/** RFC 5321, section 4.5.3.1. */
const MAX_EMAIL_LENGTH = 254;
const MAX_LOCAL_PART_LENGTH = 64;

/**
 * The recipient id of an address, as the ledger makes it. A phone number must be E.164 with `+`: the guard knows no
 * numbering plans, so it refuses what the ledger would have to interpret. Throws `AddressInvalid`.
 */
export function recipientId(address: RecipientAddress): string {
  if (address.key.length !== KEY_BYTES) throw new AddressInvalid(`The key of the business has ${KEY_BYTES} bytes.`);
  if ('phone' in address) return idOf(address.key, 'phone', readPhone(address.phone));
  if ('email' in address) return idOf(address.key, 'email', readEmail(address.email));
  return idOf(address.key, 'whatsapp_user_id', readWhatsappUserId(address.whatsappUserId));
}

function idOf(key: Uint8Array, kind: AddressKind, normalised: string): string {
  return createHmac('sha256', key)
    .update(`${kind}:${keyForm(kind, normalised)}`)
    .digest('base64url');
}

function readPhone(phone: string): string {
  if (!E164.test(phone)) {
    throw new AddressInvalid('Give the phone number as E.164: +, country code and number, digits alone.');
  }
  return phone;
}

/** Trimmed, lower case, letters composed, the domain in ASCII: as the ledger reads it. */
function readEmail(email: string): string {
  const text = email.normalize('NFC').trim().toLowerCase();
  const at = text.lastIndexOf('@');
  const local = text.slice(0, Math.max(at, 0));
  const domain = domainToASCII(text.slice(at + 1));
  const isLocalPart = local.length > 0 && local.length <= MAX_LOCAL_PART_LENGTH && !NOT_IN_A_LOCAL_PART.test(local);
  const normalised = `${local}@${domain}`;
  if (isLocalPart && DOMAIN.test(domain) && normalised.length <= MAX_EMAIL_LENGTH) return normalised;
  throw new AddressInvalid('Give one e-mail address of the form name@domain.');
}

function readWhatsappUserId(whatsappUserId: string): string {
  if (WHATSAPP_USER_ID.test(whatsappUserId)) return whatsappUserId;
  throw new AddressInvalid('Give the WhatsApp user id as the webhook wrote it.');
}
