/** What the library calls otherwise than the rest of the API does. */
const CODES: Readonly<Record<string, string>> = {
  isDefined: 'REQUIRED',
  whitelistValidation: 'UNKNOWN_FIELD',
  nestedValidation: 'IS_OBJECT',
  unknownValue: 'IS_OBJECT',
};

/**
 * Our own sentence for each constraint, since the library's name values. What a DTO adds by `context: { message }`
 * takes precedence: it knows the limits.
 */
const MESSAGES: Readonly<Record<string, string>> = {
  isDefined: 'This field is required.',
  isNotEmpty: 'Must not be empty.',
  whitelistValidation: 'There is no such field here.',
  nestedValidation: 'Must be an object, or a list of objects.',
  unknownValue: 'Must be an object.',
  isObject: 'Must be an object.',
  isString: 'Must be text.',
  isBoolean: 'Must be true or false.',
  isInt: 'Must be a whole number.',
  isNumber: 'Must be a number.',
  isArray: 'Must be a list.',
  min: 'Is too small.',
  max: 'Is too large.',
  minLength: 'Is too short.',
  maxLength: 'Is too long.',
  isLength: 'Is too short or too long.',
  arrayMinSize: 'Has too few entries.',
  arrayNotEmpty: 'Must have at least one entry.',
  arrayMaxSize: 'Has too many entries.',
  arrayUnique: 'Must not name anything twice.',
  matches: 'Has not the required form.',
};

const NOT_VALID = 'Is not valid.';

/** Behind it stand the values that a DTO lists: the only part of a sentence of the library's that is used. */
const LISTED = ' must be one of the following values: ';

/**
 * The code and the sentence of a failed constraint, neither of which can hold a value that was sent. `sentence` is the
 * library's.
 */
export function constraintMessage(
  name: string,
  context: unknown,
  sentence: string,
): { readonly code: string; readonly message: string } {
  const code = Object.hasOwn(CODES, name) ? CODES[name] : undefined;
  const own = Object.hasOwn(MESSAGES, name) ? MESSAGES[name] : listedIn(name, sentence);
  return { code: code ?? screamingSnake(name), message: messageIn(context) ?? own ?? NOT_VALID };
}

function listedIn(name: string, sentence: string): string | undefined {
  const at = name === 'isIn' ? sentence.lastIndexOf(LISTED) : -1;
  return at < 0 ? undefined : `Must be one of: ${sentence.slice(at + LISTED.length)}.`;
}

function messageIn(context: unknown): string | undefined {
  if (typeof context !== 'object' || context === null || !('message' in context)) return undefined;
  return typeof context.message === 'string' ? context.message : undefined;
}

/** `isClaimedTime` → `IS_CLAIMED_TIME` */
function screamingSnake(name: string): string {
  return name.replaceAll(/(?<=[a-z0-9])[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
}
