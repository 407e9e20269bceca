import { createCipheriv, createDecipheriv, createHmac, randomBytes, randomFillSync, type KeyObject } from 'node:crypto';
import { SealInvalid, type Sealed } from './port.js';
import { canonicalJson } from './recipient-id.js';

const ALGORITHM = 'aes-256-gcm';
const SEAL_VERSION = 1;
const FIRST_LIFE = 1;
export const KEY_BYTES = 32;
const FINGERPRINT_LABEL = 'consent-ledger/recipient-fingerprint/v1:';
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** What a ciphertext is authenticated with beside itself: moved to another place, it does not open. */
export type Place = readonly (string | number)[];

type Key = KeyObject | Uint8Array;

/** Nonce ‖ ciphertext ‖ tag, under a random nonce. */
export function sealBytes(key: Key, place: Place, plaintext: Uint8Array): Buffer {
  const nonce = nextNonce();
  const cipher = createCipheriv(ALGORITHM, key, nonce).setAAD(bytesOf(place));
  const ciphertext = cipher.update(plaintext);
  // In this mode nothing is left for the end but the tag.
  cipher.final();
  const parts = [nonce, ciphertext, cipher.getAuthTag()];
  // Memory of its own, not Node's shared pool: it may be handed to another thread.
  const sealed = Buffer.alloc(NONCE_BYTES + plaintext.length + TAG_BYTES);
  parts.reduce((offset, part) => offset + part.copy(sealed, offset), 0);
  return sealed;
}

/** Random bytes for so many nonces are drawn at once: the drawing costs more than the sealing of a short text. */
const nonces = Buffer.alloc(NONCE_BYTES * 256);
let drawn = nonces.length;

/** Each twelve bytes are used once and never again. */
function nextNonce(): Buffer {
  if (drawn === nonces.length) {
    randomFillSync(nonces);
    drawn = 0;
  }
  drawn += NONCE_BYTES;
  return nonces.subarray(drawn - NONCE_BYTES, drawn);
}

/** Throws `SealInvalid` where key, place or a single bit differ from what was sealed. */
export function openBytes(key: Key, place: Place, sealed: Uint8Array): Buffer {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) throw new SealInvalid();
  const end = sealed.length - TAG_BYTES;
  const decipher = createDecipheriv(ALGORITHM, key, sealed.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(bytesOf(place)).setAuthTag(sealed.subarray(end));
  try {
    const plaintext = decipher.update(sealed.subarray(NONCE_BYTES, end));
    decipher.final();
    return plaintext;
  } catch {
    throw new SealInvalid();
  }
}

/** A new recipient's data key, wrapped by the key-encryption key: the only form in which it is ever stored. */
export function makeWrappedKey(keyEncryptionKey: KeyObject, recipientId: string): Buffer {
  return sealBytes(keyEncryptionKey, keyPlace(recipientId), randomBytes(KEY_BYTES));
}

/** Throws `SealInvalid` where the wrapped key is another recipient's or was wrapped by another key. */
export function unwrapKey(keyEncryptionKey: KeyObject, recipientId: string, wrapped: Uint8Array): Buffer {
  return openBytes(keyEncryptionKey, keyPlace(recipientId), wrapped);
}

/**
 * A recipient's key, and which of that recipient's keys it is, counted from 1. As bytes: a `KeyObject` is torn down by the
 * collector with the whole process waiting, and ten thousand of them that had been used for a while took it 40 ms.
 */
export interface DataKey {
  readonly key: Uint8Array;
  readonly life: number;
}

/** Seals each field by itself, bound to its event, its name and its recipient. */
export function sealFields(
  { key, life }: DataKey,
  recipientId: string,
  eventId: string,
  personal: Readonly<Record<string, string>>,
): Sealed {
  const sealed = Object.entries(personal).map(([field, text]) => {
    const place = fieldPlace(eventId, field, recipientId, life);
    return [field, sealBytes(key, place, Buffer.from(text)).toString('base64url')] as const;
  });
  const fields = Object.fromEntries(sealed);
  return life === FIRST_LIFE ? { v: SEAL_VERSION, fields } : { v: SEAL_VERSION, fields, life };
}

/** A keyed hash by which the same value is known again, as long as the key is there. */
export function fingerprintUnder({ key }: DataKey, value: unknown): string {
  return createHmac('sha256', key)
    .update(`${FINGERPRINT_LABEL}${canonicalJson(value)}`)
    .digest('base64url');
}

/** Which of its recipient's keys something was sealed under. Throws `SealInvalid` where it says no such thing. */
export function lifeOf(sealed: Sealed): number {
  const { life = FIRST_LIFE } = (sealed ?? {}) as { readonly life?: unknown };
  if (typeof life !== 'number' || !Number.isSafeInteger(life) || life < FIRST_LIFE) throw new SealInvalid();
  return life;
}

/** Reads what a ledger handed back, which need not be what was once written there. */
export function openFields(
  { key, life }: DataKey,
  recipientId: string,
  eventId: string,
  sealed: Sealed,
): Readonly<Record<string, string>> {
  const { v, fields } = (sealed ?? {}) as { readonly v?: unknown; readonly fields?: unknown };
  if (v !== SEAL_VERSION || typeof fields !== 'object' || fields === null) throw new SealInvalid();
  const opened = Object.entries(fields).map(([field, text]: [string, unknown]) => {
    if (typeof text !== 'string') throw new SealInvalid();
    const place = fieldPlace(eventId, field, recipientId, life);
    return [field, openBytes(key, place, Buffer.from(text, 'base64url')).toString()] as const;
  });
  return Object.fromEntries(opened);
}

function keyPlace(recipientId: string): Place {
  return ['data-key', SEAL_VERSION, recipientId];
}

function fieldPlace(eventId: string, field: string, recipientId: string, life: number): Place {
  const place = ['field', SEAL_VERSION, eventId, field, recipientId];
  return life === FIRST_LIFE ? place : [...place, life];
}

/** JSON, because it keeps the parts apart whatever they contain. */
function bytesOf(place: Place): Buffer {
  return Buffer.from(JSON.stringify(place));
}
