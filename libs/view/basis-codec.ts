import type { Basis } from '#consent';
import { packInstant, unpackInstant, type PackedInstant } from './instant-codec.js';

export type Value = string | number | Packed;
export type Packed = readonly Value[];

/**
 * `[event id, revision, occurredAt, recordedAt, method, disclosure's id, its version, stream, type]` with the zeros at
 * the end left out. `recordedAt` is kept as milliseconds after `occurredAt`; stream and type only where they are not
 * the ones that the cell implies.
 */
export function packBasis(basis: Basis, impliedType: string, recipientId: string): Packed {
  const packed: Value[] = [basis.eventId, packRevision(basis.revision), packInstant(basis.occurredAt)];
  packed.push(packRecordedAt(basis.recordedAt, packed[2] as PackedInstant));
  packed.push(basis.method ?? 0, basis.disclosure?.id ?? 0, basis.disclosure?.version ?? 0);
  packed.push(basis.stream === impliedStream(basis.type, recipientId) ? 0 : basis.stream);
  packed.push(basis.type === impliedType ? 0 : basis.type);
  let length = packed.length;
  while (packed[length - 1] === 0 && length > FIXED) length -= 1;
  packed.length = length;
  return packed;
}

/** The first four parts are always there, so that a zero among them is a value and not an absence. */
const FIXED = 4;

/** Reads a basis that begins at `from` in a cell. The object is fresh: the cell's other fields may be set on it. */
export function unpackBasis(cell: Packed, from: number, impliedType: string, recipientId: string): Basis {
  const type = (cell[from + 8] as string | undefined) ?? impliedType;
  const occurredAt = cell[from + 2] as PackedInstant;
  const basis: { -readonly [K in keyof Basis]: Basis[K] } = {
    eventId: cell[from] as string,
    type,
    stream: (cell[from + 7] as string | 0 | undefined) || impliedStream(type, recipientId),
    revision: String(cell[from + 1]),
    occurredAt: unpackInstant(occurredAt),
    recordedAt: unpackRecordedAt(cell[from + 3] as PackedInstant, occurredAt),
  };
  const method = cell[from + 4] as string | 0 | undefined;
  if (method !== undefined && method !== 0) basis.method = method;
  const id = cell[from + 5] as string | 0 | undefined;
  if (id !== undefined && id !== 0) basis.disclosure = { id, version: (cell[from + 6] as number | undefined) ?? 0 };
  return basis;
}

export function impliedStream(type: string, recipientId: string): string {
  return type === 'UserMessaged' ? `conversation-${recipientId}` : `consent-${recipientId}`;
}

function packRevision(revision: string): string | number {
  const number = Number(revision);
  return Number.isSafeInteger(number) && String(number) === revision ? number : revision;
}

function packRecordedAt(recordedAt: string, occurredAt: PackedInstant): PackedInstant {
  const packed = packInstant(recordedAt);
  return typeof packed === 'number' && typeof occurredAt === 'number' ? packed - occurredAt : packed;
}

function unpackRecordedAt(packed: PackedInstant, occurredAt: PackedInstant): string {
  const isAfter = typeof packed === 'number' && typeof occurredAt === 'number';
  return unpackInstant(isAfter ? occurredAt + packed : packed);
}
