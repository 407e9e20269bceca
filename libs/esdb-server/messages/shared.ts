import { ProtoReader, type ProtoWriter } from '#protobuf';

/** What an append, a deletion or a tombstone expects of the stream: its last revision, or one of three words. */
export type Expectation = number | 'none' | 'any' | 'exists';

export interface Target {
  readonly stream: string;
  readonly expected: Expectation;
}

/** A stream's name stands in a message of its own. */
export function readStreamName(message: ProtoReader): string {
  let name = '';
  while (message.next()) {
    if (message.field === 3) name = message.string();
    else message.skip();
  }
  return name;
}

export function writeStreamName(writer: ProtoWriter, field: number, name: string): void {
  writer.message(field, (identifier) => identifier.string(3, name));
}

/** A UUID as text or as two numbers of 64 bits; both come out as text. */
export function readUuid(message: ProtoReader): string {
  let uuid = '';
  while (message.next()) {
    if (message.field === 1) uuid = readUuidBits(message.message());
    else if (message.field === 2) uuid = message.string();
    else message.skip();
  }
  return uuid;
}

function readUuidBits(message: ProtoReader): string {
  let [most, least] = [0n, 0n];
  while (message.next()) {
    if (message.field === 1) most = message.bits64();
    else if (message.field === 2) least = message.bits64();
    else message.skip();
  }
  const hex = ((most << 64n) | least).toString(16).padStart(32, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

export function writeUuid(writer: ProtoWriter, field: number, uuid: string): void {
  writer.message(field, (message) => message.string(2, uuid));
}

export function writeUuidBits(writer: ProtoWriter, field: number, uuid: string): void {
  const bits = BigInt(`0x${uuid.replaceAll('-', '')}`);
  writer.message(field, (message) =>
    message.message(1, (structured) => structured.bits64(1, bits >> 64n).bits64(2, BigInt.asUintN(64, bits))),
  );
}

/** The commit and the prepare position are the same number here. */
export function writePosition(writer: ProtoWriter, field: number, n: number): void {
  writer.message(field, (position) => position.uint(1, n).uint(2, n));
}

/** The fields 1 to 5 of the options of Append, BatchAppend, Delete and Tombstone, which are alike. */
export function readTargetField(options: ProtoReader, target: { stream: string; expected: Expectation }): boolean {
  if (options.field === 1) target.stream = readStreamName(options.message());
  else if (options.field === 2) target.expected = options.uint();
  else if (options.field === 3) target.expected = passed(options, 'none');
  else if (options.field === 4) target.expected = passed(options, 'any');
  else if (options.field === 5) target.expected = passed(options, 'exists');
  else return false;
  return true;
}

export function readTarget(options: ProtoReader): Target {
  const target = { stream: '', expected: 'any' as Expectation };
  while (options.next()) if (!readTargetField(options, target)) options.skip();
  return target;
}

function passed<T>(options: ProtoReader, value: T): T {
  options.skip();
  return value;
}

/** The request of Delete and of Tombstone. */
export function decodeTargetRequest(bytes: Buffer): Target {
  const request = new ProtoReader(bytes);
  let target: Target = { stream: '', expected: 'any' };
  while (request.next()) {
    if (request.field === 1) target = readTarget(request.message());
    else request.skip();
  }
  return target;
}
