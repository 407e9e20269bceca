/**
 * The one place where older versions of event data are read. It changes the shape of JSON and knows no rule: bytes in a
 * ledger stay for ever as they were written, and every reader is handed the newest shape. `metadata.schema` says in
 * which version an event was written; a type keeps its name through all of them.
 */

export type EventData = Readonly<Record<string, unknown>>;

/** Makes the data of one version into that of the next. Pure. Throws where the data is not what that version wrote. */
export type Upcaster = (data: EventData) => EventData;

/** By the version that is read, then by type; a type that is not named kept its shape in the next version. */
export type Upcasters = Readonly<Record<number, Readonly<Record<string, Upcaster>>>>;

/** The version that this program writes. */
export const NEWEST_SCHEMA = 1;

/** Version 1 is the first and the newest, so nothing has to be made into anything yet. */
const UPCASTERS: Upcasters = {};

export interface Upcast {
  readonly data: unknown;
  readonly schema: unknown;
}

/**
 * The data in the newest version. What is of a version that nobody knows, or not what its version wrote, comes back
 * as it is with the schema it claims, and so is unreadable to whoever reads the newest. Never throws.
 */
export function upcast(
  type: string,
  written: Upcast,
  upcasters: Upcasters = UPCASTERS,
  newest: number = NEWEST_SCHEMA,
): Upcast {
  const { data, schema } = written;
  if (schema === newest || !isOlder(schema, newest) || !isData(data)) return written;
  try {
    let shaped = data;
    for (let version = schema; version < newest; version += 1) {
      const step = upcasters[version] ?? {};
      if (Object.hasOwn(step, type)) shaped = step[type]?.(shaped) ?? shaped;
    }
    return { data: shaped, schema: newest };
  } catch {
    return written;
  }
}

function isOlder(schema: unknown, newest: number): schema is number {
  return Number.isInteger(schema) && Number(schema) >= 1 && Number(schema) < newest;
}

function isData(data: unknown): data is EventData {
  return typeof data === 'object' && data !== null && !Array.isArray(data);
}
