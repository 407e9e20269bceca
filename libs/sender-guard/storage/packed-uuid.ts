export const UUID_BYTES = 16;
const UUID_CHARACTERS = 36;
const DASH = '-'.charCodeAt(0);
/** Before which byte a dash stands: `8-4-4-4-12`. */
const DASH_BEFORE = new Set([4, 6, 8, 10]);

const HEX = '0123456789abcdef';
const NO_DIGIT = 16;
const VALUES = new Uint8Array(128).fill(NO_DIGIT);
for (let n = 0; n < HEX.length; n++) VALUES[HEX.charCodeAt(n)] = n;

/** Writes the bytes of a UUID in its usual spelling, lower case; false where the text is no such. */
export function writeUuid(text: string, into: Uint8Array, at: number): boolean {
  if (text.length !== UUID_CHARACTERS) return false;
  let seen = 0;
  for (let n = 0, character = 0; n < UUID_BYTES; n++, character += 2) {
    if (DASH_BEFORE.has(n) && text.charCodeAt(character++) !== DASH) return false;
    const high = VALUES[text.charCodeAt(character)] ?? NO_DIGIT;
    const low = VALUES[text.charCodeAt(character + 1)] ?? NO_DIGIT;
    seen |= high | low;
    into[at + n] = (high << 4) | low;
  }
  return (seen & NO_DIGIT) === 0;
}

export function readUuid(bytes: Buffer, at: number): string {
  const hex = bytes.toString('hex', at, at + UUID_BYTES);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
