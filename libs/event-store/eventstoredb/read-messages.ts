import { WireReader, WireWriter } from './wire.js';

/** `ReadReq` and `ReadResp` of the protocol's Streams service, as far as a ledger needs them. */

export interface WireEvent {
  readonly id: string;
  readonly type: string;
  readonly data: Uint8Array;
  readonly metadata: Uint8Array;
  readonly stream: string;
  readonly revision: number;
  /** Of the commit in $all. */
  readonly n: number;
}

export type Start = 'start' | 'end' | number;

export interface StreamRead {
  readonly stream: string;
  /** Inclusive; a number is a revision. */
  readonly from: Start;
  readonly backwards: boolean;
  readonly count: number;
}

export interface AllRead {
  /** Inclusive for a count, exclusive for a subscription; a number is a position. */
  readonly from: Start;
  readonly backwards?: boolean;
  /** Streams whose names begin with one of these; none: every stream that is not the server's own. */
  readonly prefixes: readonly string[];
  /** Absent: a subscription. */
  readonly count?: number;
}

const STREAM = 1;
const ALL = 2;
const DIRECTION = 3;
const COUNT = 5;
const SUBSCRIPTION = 6;
const FILTER = 7;
const NO_FILTER = 8;
const UUID_FORM = 9;

const NOT_OF_THE_SERVER = '^[^$]';
/** Servers refuse a search window that is not larger than the count. */
const SEARCH_WINDOW = 1_000;

export function streamRead({ stream, from, backwards, count }: StreamRead): Buffer {
  const identifier = new WireWriter().bytes(3, Buffer.from(stream));
  const place = new WireWriter().message(1, identifier);
  if (typeof from === 'number') place.varint(2, from);
  else place.message(from === 'start' ? 3 : 4);
  const options = new WireWriter().message(STREAM, place);
  return request(
    options
      .varint(DIRECTION, backwards ? 1 : 0)
      .varint(COUNT, count)
      .message(NO_FILTER),
  );
}

/** Filtered by the names of streams, so that neither projections nor link events are needed to read a category. */
export function allRead({ from, backwards = false, prefixes, count }: AllRead): Buffer {
  const place = new WireWriter();
  if (typeof from === 'number') place.message(1, new WireWriter().varint(1, from).varint(2, from));
  else place.message(from === 'start' ? 2 : 3);
  const options = new WireWriter().message(ALL, place).varint(DIRECTION, backwards ? 1 : 0);
  if (count === undefined) options.message(SUBSCRIPTION);
  else options.varint(COUNT, count);
  return request(options.message(FILTER, filterOf(prefixes, count ?? 0)));
}

function filterOf(prefixes: readonly string[], count: number): WireWriter {
  const names = new WireWriter();
  if (prefixes.length === 0) names.text(1, NOT_OF_THE_SERVER);
  for (const prefix of prefixes) names.text(2, prefix);
  return new WireWriter()
    .message(1, names)
    .varint(3, Math.max(SEARCH_WINDOW, count + 1))
    .varint(5, 1);
}

/** Ids as text, or both ends would count with halves of 64 bits. */
function request(options: WireWriter): Buffer {
  options.message(UUID_FORM, new WireWriter().message(2));
  return new WireWriter().message(1, options).finish();
}

/** The event of an answer; undefined for a confirmation, a checkpoint, the end of history, or a missing stream. */
export function eventOf(answer: Buffer): WireEvent | undefined {
  const reader = new WireReader(answer);
  const found: { event?: WireEvent } = {};
  reader.each((field) => {
    if (field !== 1) return;
    reader.inner((part) => {
      if (part === 1) found.event = readRecorded(reader);
    });
  });
  return found.event;
}

/** Where the event of an answer lies in $all, without reading the rest of it. */
export function placeOf(answer: Buffer): number | undefined {
  const reader = new WireReader(answer);
  const found: { n?: number } = {};
  reader.each((field) => {
    if (field !== 1) return;
    reader.inner((part) => {
      if (part === 3) found.n = reader.varint();
    });
  });
  return found.n;
}

const NOTHING: Uint8Array = new Uint8Array(0);

function readRecorded(reader: WireReader): WireEvent {
  let [id, type, stream, revision, n] = ['', '', '', 0, 0];
  let [data, metadata] = [NOTHING, NOTHING];
  reader.inner((field) => {
    if (field === 1) id = readInnerText(reader, 2);
    else if (field === 2) stream = readInnerText(reader, 3);
    else if (field === 3) revision = reader.varint();
    else if (field === 5) n = reader.varint();
    else if (field === 6) type = readType(reader) ?? type;
    else if (field === 7) metadata = reader.bytes();
    else if (field === 8) data = reader.bytes();
  });
  return { id, type, data, metadata, stream, revision, n };
}

function readInnerText(reader: WireReader, wanted: number): string {
  let text = '';
  reader.inner((field) => {
    if (field === wanted) text = reader.text();
  });
  return text;
}

/** One entry of the server's own metadata: of type, kind of content and time only the type is needed here. */
function readType(reader: WireReader): string | undefined {
  let [key, value] = ['', ''];
  reader.inner((field) => {
    if (field === 1) key = reader.text();
    else if (field === 2 && (key === '' || key === 'type')) value = reader.text();
  });
  return key === 'type' ? value : undefined;
}
