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

/** Every event of an answer has one, and a text made of its characters at once costs half of one cut out of bytes. */
export function readUuid(bytes: Buffer, at: number): string {
  const high = (n: number) => DIGITS[(bytes[at + n] as number) >> 4] as number;
  const low = (n: number) => DIGITS[(bytes[at + n] as number) & 15] as number;
  // prettier-ignore
  return String.fromCharCode(
    high(0), low(0), high(1), low(1), high(2), low(2), high(3), low(3), DASH,
    high(4), low(4), high(5), low(5), DASH,
    high(6), low(6), high(7), low(7), DASH,
    high(8), low(8), high(9), low(9), DASH,
    high(10), low(10), high(11), low(11), high(12), low(12), high(13), low(13), high(14), low(14), high(15), low(15),
  );
}

/** Of a byte: `8-4-4-4-12`. */
function isAfterDash(n: number): boolean {
  return n === 4 || n === 6 || n === 8 || n === 10;
}
