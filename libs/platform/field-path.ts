/** A key that may be repeated in an answer or a log: a word of an API. Anything else might be somebody's number. */
const PLAIN_KEY = /^[A-Za-z_][A-Za-z0-9_]{0,62}$/;
const LONGEST_PATH = 200;

/** The field a fault is about where it is about the body as a whole. */
export const WHOLE_BODY = 'body';

/**
 * The name of a field inside another, as errors give it: `checks[3].recipient.phone`. A key that is not a plain word is
 * shown as `*`, since keys are the caller's and may hold personal data.
 */
export function fieldPath(parent: string, key: string | number): string {
  if (typeof key === 'number') return clip(`${parent}[${key}]`);
  const shown = PLAIN_KEY.test(key) && !/\d{7}/.test(key) ? key : '*';
  return clip(parent === '' ? shown : `${parent}.${shown}`);
}

function clip(path: string): string {
  return path.length <= LONGEST_PATH ? path : `${path.slice(0, LONGEST_PATH - 1)}…`;
}
