import { isInstant, isOneOf, type Instant } from '#consent';

/**
 * Says that a value holds something this version does not understand: whoever it is about is denied until a record is
 * read that can be. Names the member and never its value, which may be anything.
 */
export interface NotUnderstood {
  readonly notUnderstood: string;
}

export function isUnderstood<T extends object>(read: T | NotUnderstood): read is T {
  return !('notUnderstood' in read);
}

/** Thrown by the readers below and caught by `doubtless`: a cell that cannot be read is never left out in silence. */
export class Doubt extends Error {
  constructor(readonly member: string) {
    super(`${member} is not understood`);
  }
}

export function doubtless<T extends object>(read: () => T): T | NotUnderstood {
  try {
    return read();
  } catch (error) {
    if (error instanceof Doubt) return { notUnderstood: error.member };
    throw error;
  }
}

export type Members = Readonly<Record<string, unknown>>;

const decoder = new TextDecoder('utf-8', { fatal: true });

/** Reads the JSON object that a record's value is; null, a tombstone, is not one. */
export function readValue<T extends object>(
  bytes: Uint8Array | null,
  read: (members: Members) => T,
): T | NotUnderstood {
  return doubtless(() => read(asMembers(parsed(bytes), 'value')));
}

function parsed(bytes: Uint8Array | null): unknown {
  if (bytes === null) throw new Doubt('value');
  try {
    return JSON.parse(decoder.decode(bytes)) as unknown;
  } catch {
    throw new Doubt('value');
  }
}

/** The bytes of a record's value: JSON with the members in the order in which the record's maker set them. */
export function encode(record: object): Uint8Array {
  return Buffer.from(JSON.stringify(record));
}

export function asMembers(value: unknown, name: string): Members {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Doubt(name);
  return value as Members;
}

export function textIn(members: Members, name: string): string {
  const value = members[name];
  if (typeof value !== 'string') throw new Doubt(name);
  return value;
}

export function flagIn(members: Members, name: string): boolean {
  const value = members[name];
  if (typeof value !== 'boolean') throw new Doubt(name);
  return value;
}

export function instantIn(members: Members, name: string): Instant {
  const value = members[name];
  if (!isInstant(value)) throw new Doubt(name);
  return value;
}

export function wordIn<T extends string>(members: Members, name: string, words: readonly T[]): T {
  const value = members[name];
  if (!isOneOf(words, value)) throw new Doubt(name);
  return value;
}

/** Undefined where the member is absent; null is not absent. */
export function optionalIn<T>(
  members: Members,
  name: string,
  read: (members: Members, name: string) => T,
): T | undefined {
  return members[name] === undefined ? undefined : read(members, name);
}

export function listIn(members: Members, name: string): readonly unknown[] {
  const value = members[name];
  if (!Array.isArray(value)) throw new Doubt(name);
  return value;
}

/** Calls `read` with each object of a list, in order. */
export function eachIn(members: Members, name: string, read: (cell: Members) => void): void {
  for (const cell of listIn(members, name)) {
    try {
      read(asMembers(cell, '[]'));
    } catch (error) {
      throw error instanceof Doubt ? new Doubt(`${name}.${error.member}`) : error;
    }
  }
}

/** A place in the ledger, `<ledger id>.<number>`. */
export function positionIn(members: Members, name: string): string {
  const value = textIn(members, name);
  if (!/^[A-Za-z0-9_-]{1,64}\.\d{1,15}$/.test(value)) throw new Doubt(name);
  return value;
}
