import { ProtoReader } from '#protobuf';
import { readStreamName } from './shared.js';

/** A revision of a stream or a position in the ledger, or one of both ends. */
export type Place = number | 'start' | 'end';

export interface ReadRequest {
  readonly source: { readonly is: 'stream'; readonly stream: string } | { readonly is: 'all' };
  readonly from: Place;
  readonly backwards: boolean;
  /** A number of events, or all that there are and will be. */
  readonly count: number | 'subscription';
  readonly filter?: EventFilter;
  /** Ids as two numbers of 64 bits, where the client asks for it, instead of text. */
  readonly uuidBits: boolean;
}

export interface EventFilter {
  readonly on: 'stream' | 'type';
  readonly prefixes: readonly string[];
  /** Empty: the prefixes count. */
  readonly regex: string;
  /** Events looked at, kept or not, between two checkpoint messages. */
  readonly checkpointInterval: number;
}

type Draft = { -readonly [key in keyof ReadRequest]: ReadRequest[key] };

export function decodeReadRequest(bytes: Buffer): ReadRequest {
  const request = new ProtoReader(bytes);
  const draft: Draft = { source: { is: 'all' }, from: 'start', backwards: false, count: 0, uuidBits: false };
  while (request.next()) {
    if (request.field === 1) readOptions(request.message(), draft);
    else request.skip();
  }
  return draft;
}

function readOptions(options: ProtoReader, draft: Draft): void {
  while (options.next()) {
    if (options.field === 1) readStreamOptions(options.message(), draft);
    else if (options.field === 2) draft.from = readAllPlace(options.message());
    else if (options.field === 3) draft.backwards = options.uint() === 1;
    else if (options.field === 5) draft.count = options.uint();
    else if (options.field === 6) draft.count = subscription(options);
    else if (options.field === 7) draft.filter = readFilter(options.message());
    else if (options.field === 9) draft.uuidBits = wantsBits(options.message());
    else options.skip();
  }
}

function readStreamOptions(options: ProtoReader, draft: Draft): void {
  while (options.next()) {
    if (options.field === 1) draft.source = { is: 'stream', stream: readStreamName(options.message()) };
    else if (options.field === 2) draft.from = options.uint();
    else draft.from = readEnd(options, 3) ?? draft.from;
  }
}

function readAllPlace(options: ProtoReader): Place {
  let place: Place = 'start';
  while (options.next()) {
    if (options.field === 1) place = readCommitPosition(options.message());
    else place = readEnd(options, 2) ?? place;
  }
  return place;
}

/** The message of `start` has the given number, that of `end` the next. */
function readEnd(options: ProtoReader, startField: number): Place | undefined {
  options.skip();
  if (options.field === startField) return 'start';
  return options.field === startField + 1 ? 'end' : undefined;
}

function readCommitPosition(position: ProtoReader): number {
  let n = 0;
  while (position.next()) {
    if (position.field === 1) n = position.uint();
    else position.skip();
  }
  return n;
}

function subscription(options: ProtoReader): 'subscription' {
  options.skip();
  return 'subscription';
}

/** Without a window of its own a filter is asked for a checkpoint every so many events. */
const DEFAULT_WINDOW = 32;

function readFilter(message: ProtoReader): EventFilter {
  const filter = { on: 'stream' as EventFilter['on'], prefixes: [] as string[], regex: '' };
  let [window, multiplier] = [0, 0];
  while (message.next()) {
    if (message.field === 1 || message.field === 2) {
      filter.on = message.field === 1 ? 'stream' : 'type';
      readExpression(message.message(), filter);
    } else if (message.field === 3) window = message.uint();
    else if (message.field === 5) multiplier = message.uint();
    else message.skip();
  }
  return { ...filter, checkpointInterval: (window || DEFAULT_WINDOW) * (multiplier || 1) };
}

function readExpression(message: ProtoReader, filter: { prefixes: string[]; regex: string }): void {
  while (message.next()) {
    if (message.field === 1) filter.regex = message.string();
    else if (message.field === 2) filter.prefixes.push(message.string());
    else message.skip();
  }
}

function wantsBits(message: ProtoReader): boolean {
  let bits = false;
  while (message.next()) {
    bits = message.field === 1;
    message.skip();
  }
  return bits;
}
