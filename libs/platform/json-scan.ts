const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACE = 0x7d;
const CLOSE_BRACKET = 0x5d;
const LETTER_U = 0x75;
const DIGIT_ZERO = 0x30;
const CASE_BIT = 0x20;
const LETTER_D = 0x64;

const SEED = 0x811c9dc5 | 0;
const PRIME = 0x01000193;
const MOST_KEYS = 4096;

/** Hashes of the keys of every open object, one behind the other; `starts[depth]` is where the object's own begin. */
const hashes = new Int32Array(MOST_KEYS);
const starts = new Int32Array(256);
/** Keys compared with their predecessors one by one; an object with more is left to the exact search. */
const MOST_COMPARED = 48;

const FORBIDDEN_HASHES = ['__proto__', 'constructor'].map((key) => hashOf(key));

/**
 * One pass over the bytes of JSON that is known to parse, without allocating anything: true only where there surely is
 * no repeated key, no prototype key, no NUL or lone surrogate in a string, and no nesting beyond `maxDepth`. False
 * means that the exact and slower search has to look. Runs to its end without yielding, so the scratch space is shared.
 */
export function looksClean(bytes: Uint8Array, maxDepth: number): boolean {
  const end = bytes.length;
  let depth = 0;
  let used = 0;
  let at = 0;
  while (at < end) {
    const byte = bytes[at] as number;
    at++;
    if (byte === QUOTE) {
      let hash = SEED;
      let escaped = false;
      for (;;) {
        const inside = bytes[at] as number;
        at++;
        if (inside === QUOTE) break;
        hash = Math.imul(hash ^ inside, PRIME);
        if (inside !== BACKSLASH) continue;
        escaped = true;
        if (bytes[at] === LETTER_U && isSuspiciousEscape(bytes, at + 1)) return false;
        at++;
      }
      if (bytes[at] !== COLON && !isKey(bytes, at)) continue;
      if (escaped || used === MOST_KEYS || isKnownKey(hash, starts[depth] as number, used)) return false;
      hashes[used++] = hash;
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (++depth > maxDepth || depth >= starts.length) return false;
      starts[depth] = used;
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      used = starts[depth] as number;
      depth--;
    }
  }
  return true;
}

/** `\u0000`, or half of a surrogate pair, which may lack its other half. */
function isSuspiciousEscape(bytes: Uint8Array, at: number): boolean {
  const first = bytes[at] as number;
  if ((first | CASE_BIT) === LETTER_D) return true;
  for (let digit = at; digit < at + 4; digit++) if (bytes[digit] !== DIGIT_ZERO) return false;
  return true;
}

/** A string is a key where a colon follows, after white space if any. */
function isKey(bytes: Uint8Array, after: number): boolean {
  let at = after;
  while (at < bytes.length && (bytes[at] as number) <= 0x20) at++;
  return bytes[at] === COLON;
}

function isKnownKey(hash: number, from: number, to: number): boolean {
  if (to - from >= MOST_COMPARED) return true;
  if (hash === FORBIDDEN_HASHES[0] || hash === FORBIDDEN_HASHES[1]) return true;
  for (let at = from; at < to; at++) if (hashes[at] === hash) return true;
  return false;
}

function hashOf(key: string): number {
  let hash = SEED;
  for (const byte of Buffer.from(key)) hash = Math.imul(hash ^ byte, PRIME);
  return hash;
}
