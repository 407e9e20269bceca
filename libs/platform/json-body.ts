import { isAscii, isUtf8 } from 'node:buffer';
import { type FieldError, Refusal } from './errors.js';
import { WHOLE_BODY } from './field-path.js';
import { findFaults } from './json-faults.js';
import { removeUnsafe } from './json-prune.js';
import { looksClean } from './json-scan.js';

const DEFAULT_JSON_DEPTH = 16;

export type ReadJson =
  | {
      readonly ok: true;
      /**
       * What `JSON.parse` makes of it: of a repeated key the last one. Prototype keys, and what is nested too deeply,
       * have been taken out, so that code that walks or copies the value is safe with it.
       */
      readonly value: unknown;
      /** What is wrong although it parses: `NOT_UTF8`, `DUPLICATE_KEY`, `FORBIDDEN_KEY`, `TOO_DEEP`, `NUL_CHARACTER`, `NOT_UNICODE`. */
      readonly faults: readonly FieldError[];
    }
  | { readonly ok: false; readonly problem: 'not_json' };

const NONE: readonly FieldError[] = [];
const NOT_UTF8: FieldError = { field: WHOLE_BODY, code: 'NOT_UTF8', message: 'Send the body in UTF-8.' };

/**
 * Reads a JSON body and finds what `JSON.parse` passes over in silence. Strict routes refuse a body with faults; the
 * revocation route records what can be understood and warns.
 */
export function readJson(bytes: Uint8Array, maxDepth = DEFAULT_JSON_DEPTH): ReadJson {
  const wellEncoded = isUtf8(bytes);
  const text = textOf(bytes, wellEncoded);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, problem: 'not_json' };
  }
  if (wellEncoded && looksClean(bytes, maxDepth)) return { ok: true, value, faults: NONE };
  const faults = findFaults(text, maxDepth);
  removeUnsafe(value, maxDepth);
  return { ok: true, value, faults: wellEncoded ? faults : [NOT_UTF8, ...faults] };
}

/** The value of a body without faults. Throws `VALIDATION_FAILED`, naming the fields, for any other. */
export function readStrictJson(bytes: Uint8Array, maxDepth = DEFAULT_JSON_DEPTH): unknown {
  const read = readJson(bytes, maxDepth);
  if (!read.ok) throw notJson();
  if (read.faults.length > 0) {
    throw new Refusal('VALIDATION_FAILED', 'The JSON of the body is not sound.', { errors: read.faults });
  }
  return read.value;
}

/** The refusal of a body that is not JSON at all. */
export function notJson(): Refusal {
  const errors = [{ field: WHOLE_BODY, code: 'NOT_JSON', message: 'Send one JSON value in UTF-8.' }];
  return new Refusal('VALIDATION_FAILED', 'The body is not JSON.', { errors });
}

/** Bytes that are not UTF-8 become U+FFFD: a stop with one broken letter in its reason is still a stop. */
function textOf(bytes: Uint8Array, wellEncoded: boolean): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (wellEncoded && isAscii(bytes)) return buffer.toString('latin1');
  const text = buffer.toString('utf8');
  return text.startsWith('\uFEFF') ? text.slice(1) : text;
}
