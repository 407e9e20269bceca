/**
 * What may be logged. A field that is not here does not leave the process: bodies, headers, query strings and
 * addresses are kept out by not being on the list rather than by being found.
 */
const SAFE_FIELDS = new Set([
  'actor',
  'attempt',
  'business',
  'businessId',
  'channel',
  'code',
  'commandId',
  'component',
  'context',
  'count',
  'dataDir',
  'durationMs',
  'eventId',
  'events',
  'field',
  'file',
  'follower',
  'grpcPort',
  'host',
  'keyId',
  'kind',
  'lagMs',
  'ledgerId',
  'limit',
  'method',
  'metricsPort',
  'perSecond',
  'pid',
  'port',
  'position',
  'problem',
  'provider',
  'purpose',
  'reason',
  'recipientId',
  'requestId',
  'retryAfterMs',
  'revision',
  'route',
  'scope',
  'sender',
  'signal',
  'status',
  'stream',
  'total',
  'type',
  'unroutedId',
  'url',
  'version',
  'warning',
]);

const LONGEST_TEXT = 500;
const LONGEST_STACK = 4000;
const MOST_CAUSES = 3;

/** The fields that may be logged, errors by their safe parts, URLs without their query. */
export function safeFields(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const safe: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (name === 'err' || value instanceof Error) safe[name === 'err' ? name : 'err'] = safeError(value, MOST_CAUSES);
    else if (SAFE_FIELDS.has(name) && isPlain(value)) safe[name] = safeText(name, value);
  }
  return safe;
}

/** Objects and lists are never logged: nobody can tell what is in them. */
function isPlain(value: unknown): value is string | number | boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
}

function safeText(name: string, value: string | number | boolean): string | number | boolean {
  if (typeof value !== 'string') return value;
  return clip(maskText(name === 'url' ? value.replace(/[?#].*$/s, '') : value), LONGEST_TEXT);
}

/** Type, code, message and stack, masked, with up to three causes. Other properties may hold bodies and are left out. */
function safeError(error: unknown, causes: number): Record<string, unknown> {
  if (!(error instanceof Error)) return { type: typeof error };
  const code = 'code' in error && typeof error.code === 'string' ? { code: safeText('code', error.code) } : {};
  // The message of a SyntaxError quotes the text that could not be parsed, and the stack repeats the message.
  const message = error instanceof SyntaxError ? 'the text cannot be parsed' : maskText(error.message);
  const frames = (error.stack ?? '').split('\n').filter((line) => /^\s+at /.test(line));
  return {
    type: error.name,
    ...code,
    message: clip(message, LONGEST_TEXT),
    stack: clip(maskText(frames.join('\n')), LONGEST_STACK),
    ...(error.cause === undefined || causes === 0 ? {} : { cause: safeError(error.cause, causes - 1) }),
  };
}

function clip(text: string, length: number): string {
  return text.length <= length ? text : `${text.slice(0, length)}…`;
}

/** A text without what looks like a phone number, an e-mail address or a wamid. */
export function maskText(text: string): string {
  return maskDigits(maskPersonal(text));
}

/**
 * A run of 9 to 15 digits that stands alone is how WhatsApp writes a phone number. Ids and positions join their digits
 * to letters, dots or hyphens, so they pass. Only for texts: in a finished line it would break JSON's numbers.
 */
function maskDigits(text: string): string {
  return text.replace(/(?<![\p{L}\p{N}_.-])\p{Nd}{9,15}(?![\p{L}\p{N}_-])/gu, '[number]');
}

const PERSONAL = new RegExp(
  [
    // A wamid carries the number in base64.
    'wamid[.][A-Za-z0-9+/=_-]+',
    // Seven digits or more behind a plus, also grouped, also with the plus as a URL writes it.
    '(?:[+＋]|%2B)[ (]{0,2}\\p{Nd}(?:[ ()./-]{0,2}\\p{Nd}){6,18}',
    // An escape of JSON before the address is kept, or the line would be no JSON any more.
    '(?:(\\\\(?:u[0-9a-f]{4}|.))|(?<![\\p{L}\\p{N}._%+-]))[\\p{L}\\p{N}._%+-]+(?:@|%40)[\\p{L}\\p{N}-]{1,63}(?:[.][\\p{L}\\p{N}-]{1,63}){1,8}',
  ].join('|'),
  'giu',
);

/** The last guard, over a finished line of JSON, which stays JSON. */
export function maskPersonal(line: string): string {
  return line.replace(PERSONAL, (_match, escape: string | undefined) => `${escape ?? ''}[masked]`);
}
