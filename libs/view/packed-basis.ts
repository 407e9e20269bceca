import type { Basis, Instant } from '#consent';
import { UUID_BYTES, readUuid, writeUuid, type ByteReader, type ByteWriter } from '#packed';
import { impliedStream } from './basis-codec.js';
import { packInstant, unpackInstant } from './instant-codec.js';

/** What is written of a basis, and in which form: each bit says that the shorter form or the usual value is not enough. */
const OWN_ID = 1;
const OWN_REVISION = 2;
const OWN_RECORDED_AT = 4;
const METHOD = 8;
const DISCLOSURE = 16;
const STREAM = 32;
const TYPE = 64;
const OWN_VERSION = 128;

/** Stream and type only where they are not the ones that the cell implies, `recordedAt` as milliseconds after `occurredAt`. */
export function writeBasis(out: ByteWriter, basis: Basis, impliedType: string, recipientId: string): void {
  const at = out.length;
  out.byte(0);
  let form = writeId(out, basis.eventId) | writeRevision(out, basis.revision);
  writeInstant(out, basis.occurredAt);
  form |= writeRecordedAt(out, basis);
  if (basis.method !== undefined) form |= METHOD;
  if (basis.method !== undefined) out.text(basis.method);
  if (basis.disclosure) form |= writeDisclosure(out, basis.disclosure);
  if (basis.type !== impliedType) form |= TYPE;
  if (form & TYPE) out.text(basis.type);
  if (basis.stream !== impliedStream(basis.type, recipientId)) form |= STREAM;
  if (form & STREAM) out.ownText(basis.stream);
  out.bytes[at] = form;
}

/** The object is fresh: the cell's other fields may be set on it. */
export function readBasis(input: ByteReader, impliedType: string, recipientId: string): Basis {
  const form = input.byte();
  const eventId = form & OWN_ID ? input.ownText() : readId(input);
  const revision = form & OWN_REVISION ? input.ownText() : String(input.number());
  const occurred = input.ms();
  const occurredAt = occurred === NO_NUMBER ? input.ownText() : unpackInstant(occurred);
  const recordedAt = form & OWN_RECORDED_AT ? input.ownText() : unpackInstant(occurred + input.number());
  const method = form & METHOD ? input.text() : undefined;
  const disclosure = form & DISCLOSURE ? readDisclosure(input, form) : undefined;
  const type = form & TYPE ? input.text() : impliedType;
  const stream = form & STREAM ? input.ownText() : impliedStream(type, recipientId);
  const basis: { -readonly [K in keyof Basis]: Basis[K] } = {
    eventId,
    type,
    stream,
    revision,
    occurredAt,
    recordedAt,
  };
  if (method !== undefined) basis.method = method;
  if (disclosure) basis.disclosure = disclosure;
  return basis;
}

export function writeOptional(out: ByteWriter, basis: Basis | undefined, type: string, recipientId: string): void {
  out.byte(basis ? 1 : 0);
  if (basis) writeBasis(out, basis, type, recipientId);
}

export function readOptional(input: ByteReader, type: string, recipientId: string): Basis | undefined {
  return input.byte() === 1 ? readBasis(input, type, recipientId) : undefined;
}

/** Stands where six bytes do not hold the instant, and its text follows. */
const NO_NUMBER = 2 ** 48 - 1;

export function writeInstant(out: ByteWriter, instant: Instant): void {
  const ms = msOf(instant);
  out.ms(ms);
  if (ms === NO_NUMBER) out.ownText(instant);
}

export function readInstant(input: ByteReader): Instant {
  const ms = input.ms();
  return ms === NO_NUMBER ? input.ownText() : unpackInstant(ms);
}

function msOf(instant: Instant): number {
  const packed = packInstant(instant);
  return typeof packed === 'number' && packed >= 0 && packed < NO_NUMBER ? packed : NO_NUMBER;
}

function writeId(out: ByteWriter, eventId: string): number {
  if (writeUuid(eventId, out.bytes, out.length)) {
    out.length += UUID_BYTES;
    return 0;
  }
  out.ownText(eventId);
  return OWN_ID;
}

function readId(input: ByteReader): string {
  input.at += UUID_BYTES;
  return readUuid(input.bytes, input.at - UUID_BYTES);
}

function writeRevision(out: ByteWriter, revision: string): number {
  const number = Number(revision);
  if (isWhole(number) && String(number) === revision) {
    out.number(number);
    return 0;
  }
  out.ownText(revision);
  return OWN_REVISION;
}

function writeRecordedAt(out: ByteWriter, { occurredAt, recordedAt }: Basis): number {
  const [from, to] = [msOf(occurredAt), msOf(recordedAt)];
  if (from !== NO_NUMBER && to !== NO_NUMBER && to >= from) {
    out.number(to - from);
    return 0;
  }
  out.ownText(recordedAt);
  return OWN_RECORDED_AT;
}

function writeDisclosure(out: ByteWriter, { id, version }: NonNullable<Basis['disclosure']>): number {
  out.text(id);
  if (isWhole(version)) {
    out.number(version);
    return DISCLOSURE;
  }
  out.ownText(String(version));
  return DISCLOSURE | OWN_VERSION;
}

function readDisclosure(input: ByteReader, form: number): NonNullable<Basis['disclosure']> {
  const id = input.text();
  return { id, version: form & OWN_VERSION ? Number(input.ownText()) : input.number() };
}

function isWhole(number: number): boolean {
  return Number.isSafeInteger(number) && number >= 0 && !Object.is(number, -0);
}
