import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import protobuf from 'protobufjs';

type Json = Record<string, unknown>;

const root = new protobuf.Root();
root.resolvePath = (_from, target) =>
  target.startsWith('google/') ? target : fileURLToPath(new URL(`../contracts/proto/${target}`, import.meta.url));
root.loadSync(
  ['eligibility_service', 'consent_service', 'change_service'].map((name) => `consentledger/v1/${name}.proto`),
);

/** The `.proto` files as protobufjs reads them: the standard that our own bytes are held against. */
export function oracleOf(name: string): protobuf.Type {
  return root.lookupType(`consentledger.v1.${name}`);
}

const letters = fc.string({ unit: fc.constantFrom('a', 'Z', '0', '-', '_', '\u00e9', '\u{1f600}'), maxLength: 12 });
const texts = fc.oneof(letters, fc.string({ unit: 'grapheme', minLength: 60, maxLength: 70 }));
const instants = fc
  .date({ min: new Date(0), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true })
  .map((date) => date.toISOString());

/** Messages as our code holds them: absent fields are absent, instants are texts, of a oneof there is one at most. */
export function messagesOf(type: protobuf.Type): fc.Arbitrary<Json> {
  const oneofs = type.oneofsArray.filter(({ fieldsArray }) => fieldsArray.length > 1);
  const free = type.fieldsArray.filter(({ partOf }) => partOf === null || !oneofs.includes(partOf));
  const plain = fc.record(Object.fromEntries(free.map((field) => [field.name, valuesOf(field)])), { requiredKeys: [] });
  return oneofs.reduce(
    (message, { fieldsArray }) =>
      fc.tuple(message, choiceOf(fieldsArray)).map(([one, other]) => ({ ...one, ...other })),
    plain as fc.Arbitrary<Json>,
  );
}

function choiceOf(fields: readonly protobuf.Field[]): fc.Arbitrary<Json> {
  return fc.oneof(fc.constant({}), ...fields.map((field) => valuesOf(field).map((value) => ({ [field.name]: value }))));
}

function valuesOf(field: protobuf.Field): fc.Arbitrary<unknown> {
  field.resolve();
  if (field.map) return fc.dictionary(letters, texts, { minKeys: 1, maxKeys: 3, noNullPrototype: true });
  if (field.repeated) return fc.array(valueOf(field), { minLength: 1, maxLength: 4 });
  return valueOf(field);
}

function valueOf({ type, resolvedType }: protobuf.Field): fc.Arbitrary<unknown> {
  if (resolvedType instanceof protobuf.Type) {
    return isTimestamp(resolvedType) ? instants : messagesOf(resolvedType);
  }
  if (type === 'string') return texts.filter((text) => text !== '');
  if (type === 'bool') return fc.boolean();
  return fc.nat({ max: 2 ** 32 - 1 });
}

function isTimestamp(type: protobuf.Type): boolean {
  return type.fullName === '.google.protobuf.Timestamp';
}

/** By protobufjs. */
export function oracleBytes(type: protobuf.Type, message: Json): Buffer {
  return Buffer.from(type.encode(type.fromObject(mapped(type, message, toTimestamp))).finish());
}

/** By protobufjs, in the form of our own messages. Fields that were not in the bytes are absent. */
export function oracleReading(type: protobuf.Type, bytes: Uint8Array): Json {
  const plain = type.toObject(type.decode(bytes), { longs: Number });
  return mapped(type, plain, ofTimestamp);
}

function toTimestamp(value: unknown) {
  const ms = Date.parse(value as string);
  return { seconds: Math.floor(ms / 1_000), nanos: (ms % 1_000) * 1_000_000 };
}

function ofTimestamp(value: unknown) {
  const { seconds = 0, nanos = 0 } = value as { seconds?: number; nanos?: number };
  return new Date(seconds * 1_000 + nanos / 1_000_000).toISOString();
}

function mapped(type: protobuf.Type, message: Json, timestamp: (value: unknown) => unknown): Json {
  const entries = Object.entries(message).map(([name, value]) => {
    const { resolvedType, repeated } = (type.fields[name] as protobuf.Field).resolve();
    if (!(resolvedType instanceof protobuf.Type)) return [name, value] as const;
    const one = (item: unknown) =>
      isTimestamp(resolvedType) ? timestamp(item) : mapped(resolvedType, item as Json, timestamp);
    return [name, repeated ? (value as unknown[]).map(one) : one(value)] as const;
  });
  return Object.fromEntries(entries);
}

/** A message as it is meant, whether or not what says nothing was written: without empty texts, zeros and `false`. */
export function meaning(message: unknown): unknown {
  if (Array.isArray(message)) return message.map(meaning);
  if (typeof message !== 'object' || message === null) return message;
  const said = Object.entries(message).filter(([, value]) => !saysNothing(value));
  return Object.fromEntries(said.map(([name, value]) => [name, meaning(value)]));
}

function saysNothing(value: unknown): boolean {
  return value === '' || value === 0 || value === false || (Array.isArray(value) && value.length === 0);
}
