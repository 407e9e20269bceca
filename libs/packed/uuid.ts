export const UUID_BYTES = 16;
const UUID_CHARACTERS = 36;
const DASH = '-'.charCodeAt(0);
const HEX = '0123456789abcdef';
const DIGITS = Buffer.from(HEX);
const NO_DIGIT = 16;
const VALUES = new Uint8Array(128).fill(NO_DIGIT);
for (let n = 0; n < HEX.length; n++) VALUES[HEX.charCodeAt(n)] = n;

/** Writes the bytes of a UUID in its usual spelling, lower case; false where the text is no such. */
export function writeUuid(text: string, into: Uint8Array, at: number): boolean {
  if (text.length !== UUID_CHARACTERS) return false;
  let seen = 0;
  for (let n = 0, character = 0; n < UUID_BYTES; n++, character += 2) {
    if (isAfterDash(n) && text.charCodeAt(character++) !== DASH) return false;
    const high = VALUES[text.charCodeAt(character)] ?? NO_DIGIT;
    const low = VALUES[text.charCodeAt(character + 1)] ?? NO_DIGIT;
    seen |= high | low;
    into[at + n] = (high << 4) | low;
  }
  return (seen & NO_DIGIT) === 0;
}

/** The UUID written last. Its dashes stay. */
const written = Buffer.from('00000000-0000-0000-0000-000000000000');

export function readUuid(bytes: Buffer, at: number): string {
  for (let n = 0, character = 0; n < UUID_BYTES; n++, character += 2) {
    if (isAfterDash(n)) character += 1;
    const byte = bytes[at + n] as number;
    written[character] = DIGITS[byte >> 4] as number;
    written[character + 1] = DIGITS[byte & 15] as number;
  }
  return written.toString('latin1');
}

/** Of a byte: `8-4-4-4-12`. */
function isAfterDash(n: number): boolean {
  return n === 4 || n === 6 || n === 8 || n === 10;
}
