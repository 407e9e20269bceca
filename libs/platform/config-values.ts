/** Reads the text of one variable. What is wrong is said as a remedy: it never repeats the value, which may be a secret. */
export type Parse<T> = (text: string) => { readonly value: T } | { readonly remedy: string };

/** One environment variable: what it is called is its key in `VARIABLES`. */
export interface Variable<T> {
  readonly parse: Parse<T>;
  readonly fallback: T;
  /** What the documentation shows as the default. */
  readonly shownDefault: string;
  readonly unit: string;
  /** Of a number: the least and the most that can be set. */
  readonly range?: Range;
  readonly description: string;
}

export const HIGHEST_PORT = 65_535;

interface Range {
  readonly from: number;
  readonly to: number;
}

interface WholeNumber extends Range {
  readonly fallback: number;
  readonly unit: string;
}

export function wholeNumber({ fallback, from, to, unit }: WholeNumber, description: string): Variable<number> {
  const range = { from, to };
  return { parse: parseWhole(from, to), fallback, shownDefault: `\`${fallback}\``, unit, range, description };
}

export function parseWhole(from: number, to: number): Parse<number> {
  const remedy = `must be a whole number from ${from} to ${to}`;
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    return value >= from && value <= to ? { value } : { remedy };
  };
}

export function words(fallback: string, description: string, parse: Parse<string> = anyText): Variable<string> {
  return { parse, fallback, shownDefault: `\`${fallback}\``, unit: '', description };
}

export function optionalText(
  description: string,
  parse: Parse<string> = anyText,
  shownDefault = '–',
): Variable<string | undefined> {
  return optional(description, parse, shownDefault);
}

/** Something that is not there unless it is set. */
export function optional<T>(description: string, parse: Parse<T>, shownDefault = '–'): Variable<T | undefined> {
  return { parse, fallback: undefined, shownDefault, unit: '', description };
}

/** A list of words of which all are the default. */
export function listOf<T extends string>(
  all: readonly T[],
  description: string,
  parse: Parse<readonly T[]>,
): Variable<readonly T[]> {
  return { parse, fallback: all, shownDefault: `\`${all.join(',')}\``, unit: '', description };
}

export function yesOrNo(fallback: boolean, description: string): Variable<boolean> {
  const parse: Parse<boolean> = (text) =>
    text === 'true' || text === 'false' ? { value: text === 'true' } : { remedy: 'must be true or false' };
  return { parse, fallback, shownDefault: `\`${fallback}\``, unit: '', description };
}

/** A port that is only opened where it is set. */
export function optionalPort(description: string): Variable<number | undefined> {
  return optional(description, parseWhole(0, HIGHEST_PORT));
}

export function oneOf<const T extends string>(values: readonly T[], fallback: T, description: string): Variable<T> {
  return { parse: oneOfWords(values), fallback, shownDefault: `\`${fallback}\``, unit: '', description };
}

export function oneOfWords<const T extends string>(values: readonly T[]): Parse<T> {
  return (text) => {
    const value = values.find((candidate) => candidate === text);
    return value === undefined ? { remedy: `must be one of ${values.join(', ')}` } : { value };
  };
}

const anyText: Parse<string> = (value) => ({ value });

export const parseHost: Parse<string> = (text) =>
  /^[A-Za-z0-9._:%-]{1,253}$/.test(text)
    ? { value: text }
    : { remedy: 'must be an IP address or a host name, without a port or scheme' };

export const parseDirectory: Parse<string> = (text) =>
  text.includes('\0') ? { remedy: 'must be a path' } : { value: text };

/** 32 bytes in base64 or base64url; handed on as standard base64. */
export const parseKey: Parse<string> = (text) => {
  const bytes = /^[A-Za-z0-9+/_-]{43}=?$/.test(text) ? Buffer.from(text, 'base64') : Buffer.alloc(0);
  return bytes.length === 32
    ? { value: bytes.toString('base64') }
    : { remedy: 'must be 32 bytes in base64, as `openssl rand -base64 32` makes them' };
};

/** Sent in a header, so printable ASCII; long enough that nobody guesses it, as that of `admin.key` has to be. */
export const parseSecretToken: Parse<string> = (text) =>
  /^[\x21-\x7e]{32,512}$/.test(text)
    ? { value: text }
    : {
        remedy: 'must be 32 to 512 printable ASCII characters without spaces, as `openssl rand -base64 32` makes them',
      };

export const parseOrigin: Parse<string> = (text) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const plain = url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '';
  return plain && url.search === '' && url.hash === ''
    ? { value: url.href.replace(/\/$/, '') }
    : { remedy: 'must be a URL that begins with https:// or http://, without user, query or fragment' };
};

/** Kept as it is: the store reads it, and it may hold a password, so nothing may repeat it. */
export const parseEventStoreUrl: Parse<string> = (text) =>
  /^esdb(\+discover)?:\/\/[^\s/?]+(\/?\?\S*|\/)?$/.test(text)
    ? { value: text }
    : { remedy: 'must be a connection string of EventStoreDB: esdb://user:password@host:2113?tls=true' };

export const SASL_MECHANISMS = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;

const BROKER_PATTERN = /^(\[[0-9A-Fa-f:.%]+\]|[A-Za-z0-9._-]{1,253}):(\d{1,5})$/;

export const parseBrokers: Parse<readonly string[]> = (text) => {
  const brokers = [...new Set(text.split(',').map((broker) => broker.trim()))];
  return brokers.every(isBroker)
    ? { value: brokers }
    : { remedy: 'must be a list of host:port, separated by commas, without a scheme' };
};

function isBroker(text: string): boolean {
  const port = Number(BROKER_PATTERN.exec(text)?.[2] ?? 0);
  return port > 0 && port <= HIGHEST_PORT;
}

/** Kept as it is: it may hold a password, so nothing may repeat it. */
export const parsePostgresUrl: Parse<string> = (text) =>
  URL.canParse(text) && /^postgres(ql)?:\/\/[^\s/?]+/.test(text)
    ? { value: text }
    : { remedy: 'must be a URL of PostgreSQL: postgres://user:password@host:5432/database?sslmode=verify-full' };

export const parseSchemaName: Parse<string> = (text) =>
  /^(?!pg_)[a-z_][a-z0-9_]{0,62}$/.test(text)
    ? { value: text }
    : { remedy: 'must be a name of small letters, digits and underscores, at most 63, that does not begin with pg_' };

export const ALL_ROLES = ['commands', 'queries', 'relay', 'feed'] as const;
/** A part of the service that a process runs. */
export type Role = (typeof ALL_ROLES)[number];

export const parseRoles: Parse<readonly Role[]> = (text) => {
  const named = text.split(',').map((role) => role.trim());
  const roles = ALL_ROLES.filter((role) => named.includes(role));
  return named.every((name) => (ALL_ROLES as readonly string[]).includes(name))
    ? { value: roles }
    : { remedy: `must be a list out of ${ALL_ROLES.join(', ')}` };
};
