import { domainToASCII } from 'node:url';
import { keyForm, type AddressKind } from '#consent';
import { isRecipientId } from '#packed';
import { readPhone, salvagePhone } from './phone.js';

export { isRecipientId };

export const ADDRESS_FIELDS = ['phone', 'email', 'whatsappUserId', 'recipientId'] as const;
export type AddressField = (typeof ADDRESS_FIELDS)[number];

export interface Address {
  readonly kind: AddressKind;
  /** As it was written; personal, so only ever sealed. */
  readonly given: string;
  readonly keyForm: string;
  /** Set where a lenient reading kept what it could not understand: the caller owes a warning. */
  readonly unparsed?: true;
}

export interface AddressProblem {
  readonly problem: 'none' | 'several' | 'invalid';
  /** Empty where the recipient object itself is at fault. */
  readonly field: AddressField | '';
  /** Names the remedy and never repeats the value. */
  readonly message: string;
}

export type ReadAddress = Address | { readonly recipientId: string } | AddressProblem;

export interface ReadAddressOptions {
  /** ISO 3166 country in which a phone number without calling code is read; one the numbering plans do not know is ignored. */
  readonly defaultRegion?: string | undefined;
  /** For revocations: an address that cannot be read is kept as well as can be, marked `unparsed`. */
  readonly lenient?: boolean;
}

/** `CC.` and up to 128 alphanumerics; the parent form over several portfolios has `ENT.` between. Source: Meta, 2026. */
const WHATSAPP_USER_ID = /^[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}$/;
/** RFC 5321, section 4.5.3.1. */
const MAX_EMAIL_LENGTH = 254;
const MAX_LOCAL_PART_LENGTH = 64;
const DOMAIN = /^(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z0-9-]{2,63}$/;

const REMEDIES: Readonly<Record<AddressField, string>> = {
  phone: 'Give the number with + and its country code, or register a default region for national numbers.',
  email: 'Give one address of the form name@domain.',
  whatsappUserId: 'Give the user id as the webhook wrote it: a country code, a dot and up to 128 letters and digits.',
  recipientId: 'Give the 43 characters of a recipient id as an answer of the service wrote it.',
};

/** Reads whom a request means: an object with exactly one of the address fields, where null counts as not given. */
export function readAddress(recipient: unknown, options: ReadAddressOptions = {}): ReadAddress {
  const fields = (typeof recipient === 'object' && recipient !== null ? recipient : {}) as Record<string, unknown>;
  // One look at each field, and no list of those that are given: this is done for every check of a batch.
  let [field, count]: [AddressField | undefined, number] = [undefined, 0];
  for (const name of ADDRESS_FIELDS) {
    if (!isGiven(fields[name])) continue;
    field ??= name;
    count += 1;
  }
  if (field === undefined) return problem('none', '', `Give one of ${ADDRESS_FIELDS.join(', ')}.`);
  if (count > 1) return problem('several', '', `Give only one of ${namesOfGiven(fields)}.`);
  const given = textOf(fields[field], options);
  const read = given === undefined ? undefined : READERS[field](given, options);
  return read ?? problem('invalid', field, REMEDIES[field]);
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function namesOfGiven(fields: Readonly<Record<string, unknown>>): string {
  return ADDRESS_FIELDS.filter((name) => isGiven(fields[name])).join(', ');
}

type Reader = (given: string, options: ReadAddressOptions) => ReadAddress | undefined;

const READERS: Readonly<Record<AddressField, Reader>> = {
  phone: (given, { defaultRegion, lenient }) =>
    address('phone', given, readPhone(given, defaultRegion)) ??
    unparsed(lenient, 'phone', given, () => salvagePhone(given, defaultRegion)),
  email: (given, { lenient }) =>
    address('email', given, readEmail(given)) ?? unparsed(lenient, 'email', given, () => salvageEmail(given)),
  whatsappUserId: (given, { lenient }) =>
    address('whatsapp_user_id', given, WHATSAPP_USER_ID.test(given) ? given : undefined) ??
    unparsed(lenient, 'whatsapp_user_id', given, () => salvageUserId(given)),
  recipientId: (given, { lenient }) => {
    const id = lenient ? given.trim() : given;
    return isRecipientId(id) ? { recipientId: id } : undefined;
  },
};

/** A caller that wrote a phone number as a JSON number still names a person. */
function textOf(value: unknown, { lenient }: ReadAddressOptions): string | undefined {
  if (typeof value === 'string') return value;
  return lenient && Number.isSafeInteger(value) ? String(value) : undefined;
}

function address(kind: AddressKind, given: string, normalised: string | undefined): Address | undefined {
  return normalised === undefined ? undefined : { kind, given, keyForm: keyForm(kind, normalised) };
}

function unparsed(
  lenient: boolean | undefined,
  kind: AddressKind,
  given: string,
  salvage: () => string | undefined,
): Address | undefined {
  const kept = lenient ? salvage() : undefined;
  return kept ? { kind, given, keyForm: keyForm(kind, kept), unparsed: true } : undefined;
}

/**
 * Trimmed, lower case, the domain in ASCII (`bücher.example` is `xn--bcher-kva.example`), letters composed (NFC), since
 * keyboards differ in how they write the same accent. Lower case also before the `@`: no mailbox of note tells case apart.
 */
function readEmail(given: string): string | undefined {
  const text = given.normalize('NFC').trim().toLowerCase();
  const at = text.lastIndexOf('@');
  const local = text.slice(0, Math.max(at, 0));
  const domain = domainToASCII(text.slice(at + 1));
  if (!isLocalPart(local) || !DOMAIN.test(domain)) return undefined;
  const email = `${local}@${domain}`;
  return email.length <= MAX_EMAIL_LENGTH ? email : undefined;
}

const EMAIL_INSIDE = /[^\s\p{C}@<>(),;:\\[\]"']+@[^\s\p{C}@<>(),;:\\[\]"']+/u;

/** Mailers write `Name <name@domain>` and links `mailto:name@domain?subject=stop`: the address inside is whom they mean. */
function salvageEmail(given: string): string {
  const inside = EMAIL_INSIDE.exec(given.slice(0, 4 * MAX_EMAIL_LENGTH))?.[0].replace(/[?.]?$|\?.*$/, '');
  return (inside && readEmail(inside)) ?? given.normalize('NFC').trim().toLowerCase();
}

const USER_ID_INSIDE = /\b([a-z]{2}\.(?:ent\.)?)([a-z0-9]{1,128})\b/i;
const MAX_AROUND_USER_ID = 1_000;

/** People copy invisible marks along, and some programs write all in small letters: what Meta writes large is known. */
function salvageUserId(given: string): string {
  const [, beginning, rest] = USER_ID_INSIDE.exec(given.slice(0, MAX_AROUND_USER_ID)) ?? [];
  return beginning === undefined ? given.trim() : `${beginning.toUpperCase()}${rest}`;
}

function isLocalPart(local: string): boolean {
  return local.length > 0 && local.length <= MAX_LOCAL_PART_LENGTH && !/[\s\p{C}@<>(),;:\\[\]]/u.test(local);
}

function problem(kind: AddressProblem['problem'], field: AddressProblem['field'], message: string): AddressProblem {
  return { problem: kind, field, message };
}
