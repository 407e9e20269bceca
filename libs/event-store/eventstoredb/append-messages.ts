import { isUtf8 } from 'node:buffer';
import type { NewEvent, Revision } from '../port.js';
import { CallFailure } from './failure.js';
import { WireReader, WireWriter } from './wire.js';

/** `BatchAppendReq` and `BatchAppendResp` of the protocol's Streams service. */

export interface AppendRequest {
  readonly stream: string;
  /** `none`, `any`, or the exact last revision. */
  readonly expected: Revision;
  readonly events: readonly NewEvent[];
  /** As `repeats` of the port. */
  readonly keepsRepeats?: boolean;
}

/** What the server says about one append. */
export type AppendAnswer =
  /** `n` is undefined where the server does not know the position any more, which it may not for a repeat. */
  | { readonly kind: 'appended'; readonly revision: number; readonly n: number | undefined }
  | { readonly kind: 'conflict'; readonly actual: Revision }
  | { readonly kind: 'too large'; readonly limitBytes: number }
  | { readonly kind: 'failed'; readonly failure: CallFailure };

export interface CorrelatedAnswer {
  readonly correlation: number;
  readonly answer: AppendAnswer;
}

/** Bytes of one message; servers take at least four mebibytes. */
const CHUNK_BYTES = 3 * 1024 * 1024;
/** What the server may take; a duration, because an absolute deadline fails every append where the clocks differ. */
const DEADLINE_SECONDS = 60;

/** One append as the messages that carry it; the last of them ends it. */
export function appendMessages(correlation: number, { stream, expected, events }: AppendRequest): Buffer[] {
  const chunks = inChunks(events.map(proposed));
  return chunks.map((chunk, index) => {
    const message = new WireWriter().message(1, new WireWriter().text(2, uuidOf(correlation)));
    if (index === 0) message.message(2, optionsOf(stream, expected));
    for (const event of chunk) message.message(3, event);
    if (index === chunks.length - 1) message.varint(4, 1);
    return message.finish();
  });
}

function inChunks(events: readonly WireWriter[]): WireWriter[][] {
  const chunks: WireWriter[][] = [[]];
  let bytes = 0;
  for (const event of events) {
    bytes += event.length;
    if (bytes > CHUNK_BYTES && bytes > event.length) {
      chunks.push([]);
      bytes = event.length;
    }
    chunks.at(-1)?.push(event);
  }
  return chunks;
}

function optionsOf(stream: string, expected: Revision): WireWriter {
  const options = new WireWriter().message(1, new WireWriter().text(3, stream));
  if (expected === 'none') options.message(3);
  else if (expected === 'any') options.message(4);
  else options.varint(2, Number(expected));
  return options.message(7, new WireWriter().varint(1, DEADLINE_SECONDS));
}

function proposed({ id, type, data, metadata }: NewEvent): WireWriter {
  return new WireWriter()
    .message(1, new WireWriter().text(2, id))
    .message(2, entry('type', type))
    .message(2, entry('content-type', isJson(data) ? 'application/json' : 'application/octet-stream'))
    .bytes(3, metadata)
    .bytes(4, data);
}

function entry(key: string, value: string): WireWriter {
  return new WireWriter().text(1, key).text(2, value);
}

/** Only a label for other clients, which parse what is called JSON: the bytes are kept as they are either way. */
function isJson(data: Uint8Array): boolean {
  try {
    if (!isUtf8(data)) return false;
    JSON.parse(Buffer.from(data.buffer, data.byteOffset, data.length).toString());
    return true;
  } catch {
    return false;
  }
}

/** The number of an append within its call is the whole second half. */
function uuidOf(correlation: number): string {
  return `c0441a7e-0000-4000-0000-${correlation.toString(16).padStart(12, '0')}`;
}

export function readAnswer(message: Buffer): CorrelatedAnswer {
  const reader = new WireReader(message);
  let correlation = -1;
  let answer: AppendAnswer | undefined;
  reader.each((field) => {
    if (field === 1) correlation = readCorrelation(reader);
    else if (field === 2) answer = readError(reader);
    else if (field === 3) answer = readSuccess(reader);
  });
  return { correlation, answer: answer ?? silent() };
}

/** Made only where it is needed: the trace of an error is dear. */
function silent(): AppendAnswer {
  return { kind: 'failed', failure: new CallFailure('broken', 'EventStoreDB answered nothing') };
}

/** Servers answer with the id as it was sent, but after a time-out of their own with its two halves as numbers. */
function readCorrelation(reader: WireReader): number {
  let correlation = -1;
  reader.inner((field) => {
    if (field === 2) correlation = Number.parseInt(reader.text().slice(-12), 16);
    else if (field === 1) correlation = readNumber(reader, 2) ?? -1;
  });
  return correlation;
}

function readSuccess(reader: WireReader): AppendAnswer {
  let revision = 0;
  let n: number | undefined;
  reader.inner((field) => {
    if (field === 1) revision = reader.varint();
    else if (field === 3) n = readNumber(reader, 1);
  });
  return { kind: 'appended', revision, n: Number.isSafeInteger(n) ? n : undefined };
}

/** A `google.rpc.Status`: what it is about stands in the type of its details. */
function readError(reader: WireReader): AppendAnswer {
  let type = '';
  let value: Buffer = Buffer.alloc(0);
  reader.inner((field) => {
    if (field !== 3) return;
    reader.inner((part) => {
      if (part === 1) type = reader.text();
      else if (part === 2) value = reader.bytes();
    });
  });
  return errorOf(type.slice(type.lastIndexOf('.') + 1), new WireReader(value));
}

function errorOf(type: string, details: WireReader): AppendAnswer {
  switch (type) {
    case 'WrongExpectedVersion':
      return { kind: 'conflict', actual: String(firstNumber(details) ?? 'none') };
    case 'MaximumAppendSizeExceeded':
      return { kind: 'too large', limitBytes: firstNumber(details) ?? 0 };
    case 'StreamDeleted':
      return failed('deleted');
    case 'AccessDenied':
      return failed('denied');
    case 'Timeout':
      return failed('busy', 'EventStoreDB did not commit in time');
    // A server that is starting, too busy, or in an election says so in words alone.
    case 'Empty':
      return failed('busy', 'EventStoreDB is not ready');
    case 'BadRequest':
      return failed('refused');
    default:
      return failed('broken', 'EventStoreDB failed to append and gave no reason');
  }
}

function failed(...of: ConstructorParameters<typeof CallFailure>): AppendAnswer {
  return { kind: 'failed', failure: new CallFailure(...of) };
}

/** The number in one field of the message at hand. */
function readNumber(reader: WireReader, wanted: number): number | undefined {
  const found: { number?: number } = {};
  reader.inner((field) => {
    if (field === wanted) found.number = reader.varint();
  });
  return found.number;
}

function firstNumber(reader: WireReader): number | undefined {
  const found: { number?: number } = {};
  reader.each((field) => {
    if (field === 1) found.number = reader.varint();
  });
  return found.number;
}
