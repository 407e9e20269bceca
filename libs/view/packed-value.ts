import {
  KEY_BYTES,
  UUID_BYTES,
  keyText,
  readUuid,
  writeKey,
  writeUuid,
  type ByteReader,
  type ByteWriter,
} from '#packed';
import type { Value } from './basis-codec.js';

/** What a value begins with. A byte from `SMALL` on is a whole number itself, so many above it. */
const LIST = 0;
const WHOLE = 1;
const OTHER_NUMBER = 2;
const UUID = 3;
const KEY = 4;
const TEXT = 5;
const SMALL = 16;
const MAX_SMALL = 255 - SMALL;

/** Writes what the codec made of a state in a third of the bytes that JSON takes. */
export function writeValue(out: ByteWriter, value: Value): void {
  if (typeof value === 'number') writeNumber(out, value);
  else if (typeof value === 'string') writeText(out, value);
  else {
    out.byte(LIST);
    out.number(value.length);
    for (const one of value) writeValue(out, one);
  }
}

function writeNumber(out: ByteWriter, value: number): void {
  if (Number.isSafeInteger(value) && value >= 0 && !Object.is(value, -0)) {
    if (value <= MAX_SMALL) return out.byte(SMALL + value);
    out.byte(WHOLE);
    return out.number(value);
  }
  out.byte(OTHER_NUMBER);
  out.ownText(String(value));
}

function writeText(out: ByteWriter, text: string): void {
  const at = out.length + 1;
  if (writeUuid(text, out.bytes, at)) {
    out.byte(UUID);
    out.length += UUID_BYTES;
  } else if (writeKey(text, out.bytes.subarray(at, at + KEY_BYTES))) {
    out.byte(KEY);
    out.length += KEY_BYTES;
  } else {
    out.byte(TEXT);
    out.text(text);
  }
}

/** Reads what `writeValue` wrote. */
export function readValue(input: ByteReader): Value {
  const tag = input.byte();
  if (tag >= SMALL) return tag - SMALL;
  switch (tag) {
    case LIST:
      return readList(input);
    case WHOLE:
      return input.number();
    case OTHER_NUMBER:
      return Number(input.ownText());
    case UUID:
      input.at += UUID_BYTES;
      return readUuid(input.bytes, input.at - UUID_BYTES);
    case KEY:
      input.at += KEY_BYTES;
      return keyText(input.bytes, input.at - KEY_BYTES);
    case TEXT:
      return input.text();
    default:
      throw new Error('a packed value begins with a byte that none has');
  }
}

function readList(input: ByteReader): Value {
  const list: Value[] = [];
  for (let left = input.number(); left > 0; left--) list.push(readValue(input));
  return list;
}
