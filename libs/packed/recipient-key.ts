/** Bytes of a recipient id, which is a SHA-256 in base64url. */
export const KEY_BYTES = 32;
const ID_CHARACTERS = 43;
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** Six bits a character; what is no character of the alphabet has a bit above them. */
const NOT_ONE = 64;
const SIX_BITS = new Uint8Array(128).fill(NOT_ONE);
for (let n = 0; n < ALPHABET.length; n++) SIX_BITS[ALPHABET.charCodeAt(n)] = n;

/**
 * Writes the bytes of a recipient id; false where the text is none, and then what was written means nothing. Only the
 * one spelling that the ledger uses is an id: its last character has two bits that are always zero.
 */
export function writeKey(recipientId: unknown, into: Uint8Array): boolean {
  if (typeof recipientId !== 'string' || recipientId.length !== ID_CHARACTERS) return false;
  let seen = 0;
  let at = 0;
  let n = 0;
  for (; n < ID_CHARACTERS - 3; n += 4) {
    const a = bitsAt(recipientId, n);
    const b = bitsAt(recipientId, n + 1);
    const c = bitsAt(recipientId, n + 2);
    const d = bitsAt(recipientId, n + 3);
    seen |= a | b | c | d;
    into[at++] = (a << 2) | (b >> 4);
    into[at++] = (b << 4) | (c >> 2);
    into[at++] = (c << 6) | d;
  }
  const a = bitsAt(recipientId, n);
  const b = bitsAt(recipientId, n + 1);
  const c = bitsAt(recipientId, n + 2);
  into[at++] = (a << 2) | (b >> 4);
  into[at] = (b << 4) | (c >> 2);
  return ((seen | a | b | c) & NOT_ONE) === 0 && (c & 3) === 0;
}

function bitsAt(text: string, index: number): number {
  return SIX_BITS[text.charCodeAt(index)] ?? NOT_ONE;
}

export function keyText(bytes: Buffer, at: number): string {
  return bytes.toString('base64url', at, at + KEY_BYTES);
}

const scratch = new Uint8Array(KEY_BYTES);
export function isRecipientId(value: unknown): value is string {
  return writeKey(value, scratch);
}
