import { encoded, MalformedMessage, ProtoReader, type ProtoWriter } from '#protobuf';
import { inOurForm, readInstant, writeInstant } from './instant.js';

/** How the values of one field are written and read. */
export interface Field<V> {
  readonly number: number;
  write(writer: ProtoWriter, value: V): void;
  /** `before` is what earlier occurrences of the field made, where it may occur several times. */
  read(reader: ProtoReader, before: V | undefined): V;
  /** What a message without the field means by it; absent where that is nothing. */
  readonly otherwise?: V;
}

type Fields<T> = { readonly [K in keyof T]-?: Field<NonNullable<T[K]>> };

/** One message of the contract: plain objects in, bytes out, and back. Unknown fields are passed by. */
export class MessageType<T extends object> {
  private readonly named: readonly (readonly [string, Field<unknown>])[];
  private readonly byNumber = new Map<number, readonly [string, Field<unknown>]>();

  constructor(readonly fields: Fields<T>) {
    this.named = Object.entries(fields) as unknown as [string, Field<unknown>][];
    for (const entry of this.named) this.byNumber.set(entry[1].number, entry);
  }

  encode(message: T): Buffer {
    return encoded((writer) => this.write(writer, message));
  }

  /** Throws `MalformedMessage` for bytes that are not this message. */
  decode(bytes: Uint8Array): T {
    return this.read(new ProtoReader(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)));
  }

  write(writer: ProtoWriter, message: T): void {
    for (const [name, field] of this.named) {
      const value = (message as Record<string, unknown>)[name];
      if (value !== undefined && value !== null) field.write(writer, value);
    }
  }

  read(reader: ProtoReader): T {
    const message: Record<string, unknown> = {};
    while (reader.next()) {
      const [name, field] = this.byNumber.get(reader.field) ?? NOBODYS;
      if (field) message[name] = field.read(reader, message[name]);
      else reader.skip();
    }
    for (const [name, { otherwise }] of this.named) {
      if (otherwise !== undefined) message[name] ??= otherwise;
      else if (message[name] === '') delete message[name];
    }
    return message as T;
  }
}

const NOBODYS = ['', undefined] as const;

export function text(number: number): Field<string> {
  return {
    number,
    write: (writer, value) => void (value === '' || writer.string(number, value)),
    read: (reader) => reader.strictString(),
  };
}

export function bool(number: number): Field<boolean> {
  return {
    number,
    write: (writer, value) => void (value && writer.bool(number, value)),
    read: (reader) => reader.bool(),
    otherwise: false,
  };
}

/** A whole number from 0 on, with no more bits than a double holds; written also where it is 0. */
export function uint(number: number): Field<number> {
  return {
    number,
    write: (writer, value) => void writer.uint(number, value),
    read: (reader) => reader.uint(),
  };
}

export function instant(number: number): Field<string> {
  return {
    number,
    write: (writer, value) => writeInstant(writer, number, inOurForm(value)),
    read: (reader) => readInstant(reader.message()),
  };
}

export function message<T extends object>(number: number, type: MessageType<T>): Field<T> {
  return {
    number,
    write: (writer, value) => void writer.message(number, (inner) => type.write(inner, value)),
    read: (reader) => type.read(reader.message()),
  };
}

export function texts(number: number): Field<readonly string[]> {
  return {
    number,
    write: (writer, values) => values.forEach((value) => writer.string(number, value)),
    read: (reader, before) => appended(before, reader.strictString()),
  };
}

export function messages<T extends object>(number: number, type: MessageType<T>): Field<readonly T[]> {
  const one = message(number, type);
  return {
    number,
    write: (writer, values) => values.forEach((value) => one.write(writer, value)),
    read: (reader, before) => appended(before, type.read(reader.message())),
  };
}

/** The list is this reading's own until the message has been read. */
function appended<T>(before: readonly T[] | undefined, item: T): readonly T[] {
  if (before === undefined) return [item];
  (before as T[]).push(item);
  return before;
}

export function textMap(number: number): Field<Readonly<Record<string, string>>> {
  return {
    number,
    write: (writer, map) => {
      for (const [key, value] of Object.entries(map)) {
        writer.message(number, (entry) => entry.string(1, key).string(2, value));
      }
    },
    read: (reader, before = {}) => readEntry(reader.message(), before),
  };
}

/** The map is this reading's own until the message has been read. */
function readEntry(reader: ProtoReader, map: Record<string, string>): Record<string, string> {
  let [key, value] = ['', ''];
  while (reader.next()) {
    if (reader.field === 1) key = reader.strictString();
    else if (reader.field === 2) value = reader.strictString();
    else reader.skip();
  }
  // The one name that an object does not simply keep.
  if (key === '__proto__') throw new MalformedMessage();
  map[key] = value;
  return map;
}

/** The field as one that every message has, be it with what its absence means. */
export function always<V>(field: Field<V>, otherwise: V): Field<V> {
  return { ...field, otherwise };
}
