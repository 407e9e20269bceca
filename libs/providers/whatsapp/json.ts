/** Reading of JSON that may be anything: each function answers undefined where the value is not what it looks for. */

export type JsonObject = Readonly<Record<string, unknown>>;

const decoder = new TextDecoder();

/** Bytes that are not UTF-8 become U+FFFD, so that they spoil the string they stand in and not the whole delivery. */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch {
    return undefined;
  }
}

export function objectOf(value: unknown): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined;
}

export function listOf(value: unknown): readonly unknown[] | undefined {
  return Array.isArray(value) ? (value as readonly unknown[]) : undefined;
}

/** A text that is not empty and not longer than `longest`; a whole number is read as its digits. */
export function textOf(value: unknown, longest: number): string | undefined {
  const text = Number.isSafeInteger(value) ? String(value) : value;
  return typeof text === 'string' && text !== '' && text.length <= longest ? text : undefined;
}
