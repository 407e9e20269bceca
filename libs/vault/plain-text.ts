import type { Unrouted } from './port.js';

const REPLACEMENT = '\u{fffd}';

/**
 * The text as every vault can keep and find it: without NUL, which PostgreSQL refuses, and without halves of characters,
 * which no database gives back. What came from outside must be kept whatever it holds, so it is changed, not refused.
 */
export function plainText(text: string): string {
  return text.replaceAll('\0', REPLACEMENT).replaceAll(/\p{Surrogate}/gu, REPLACEMENT);
}

/** What a delivery says of itself, its names as they are kept. */
export function plainEntry(entry: Unrouted): Unrouted {
  const { kind, providerId } = entry;
  const named = providerId === undefined ? {} : { providerId: plainText(providerId) };
  return { ...entry, kind: plainText(kind), ...named };
}
