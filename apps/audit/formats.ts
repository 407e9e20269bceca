import { isUtf8 } from 'node:buffer';
import { depthOf } from '#event-store';
import { csvLine } from './csv.js';
import { says } from './says.js';
import type { ShownEvent } from './shown.js';

/** How events are written out: what stands before the first, and the text of each with its line end. */
export interface Format {
  readonly head: string;
  line(event: ShownEvent): string;
}

export const FORMATS = ['table', 'ndjson', 'csv'] as const;
export type FormatName = (typeof FORMATS)[number];

const ndjson: Format = { head: '', line: (event) => `${jsonOf(event)}\n` };

/**
 * One line of JSON with the whole event. Data and metadata stand there with the very characters that are stored; what is
 * no JSON stands as base64.
 */
export function jsonOf({ stored, content, recordedAt, occurredAt, data }: ShownEvent): string {
  const { position, stream, revision, id: eventId, type } = stored;
  const unreadable = content.kind === 'unreadable' ? { unreadable: true } : {};
  const about = JSON.stringify({ position, stream, revision, eventId, type, recordedAt, occurredAt, ...unreadable });
  const members = [
    member('data', stored.data, data !== undefined),
    member('metadata', stored.metadata, isJson(stored.metadata)),
  ];
  return `${about.slice(0, -1)},${members.join(',')}}`;
}

/** The line ends of JSON stand between its tokens only, where a space means the same. */
function member(name: string, bytes: Uint8Array, isReadAsJson: boolean): string {
  if (!isReadAsJson || !isUtf8(bytes) || bytes[0] === BYTE_ORDER_MARK) return `"${name}Base64":"${base64Of(bytes)}"`;
  return `"${name}":${textOf(bytes).replaceAll(/[\r\n]+/g, ' ')}`;
}

/** Its first byte. Our reader skips it, but no JSON begins so. */
const BYTE_ORDER_MARK = 0xef;

function isJson(bytes: Uint8Array): boolean {
  try {
    JSON.parse(textOf(bytes));
    return true;
  } catch {
    return false;
  }
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString();
}

function base64Of(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}

const CSV_COLUMNS = [
  'position',
  'recordedAt',
  'occurredAt',
  'stream',
  'revision',
  'eventId',
  'type',
  'business',
  'says',
  'actor',
  'sealed',
  'unreadable',
  'data',
];

/** RFC 4180, with a header. Sealed parts are named and left out. */
const csv: Format = {
  head: csvLine(CSV_COLUMNS),
  line: ({ stored, content, recordedAt = '', occurredAt = '', business = '', actor = '', isSealed, data }) => {
    const { position, stream, revision, id, type } = stored;
    return csvLine([
      position,
      recordedAt,
      occurredAt,
      stream,
      revision,
      id,
      type,
      business,
      says(content),
      actor,
      isSealed ? 'sealed' : '',
      content.kind === 'unreadable' ? 'unreadable' : '',
      data === undefined ? `base64:${base64Of(stored.data)}` : withoutSealed(data),
    ]);
  },
};

function withoutSealed(data: unknown): string {
  return JSON.stringify(data, (name, value: unknown) => (name === 'sealed' ? 'sealed' : value));
}

/** Of the columns in their order; numbers stand at the right of theirs. The last has no end. */
const WIDTHS = [10, 24, 24, 19, 56, 5, 0];
const NUMBERS = [0, 5];

/** The essentials in columns, for people. */
const table: Format = {
  head: tableLine(['N', 'RECORDED AT', 'OCCURRED AT', 'TYPE', 'STREAM', 'REV', 'SAYS']),
  line: ({ stored, content, recordedAt = '-', occurredAt = '-', isSealed }) => {
    const { position, stream, revision, type } = stored;
    const said = [says(content), isSealed ? '[sealed]' : ''].filter((text) => text !== '').join(' ');
    return tableLine([String(depthOf(position)), recordedAt, occurredAt, type, stream, revision, said]);
  },
};

function tableLine(cells: readonly string[]): string {
  const padded = cells.map((cell, column) => {
    const width = WIDTHS[column] ?? 0;
    return NUMBERS.includes(column) ? cell.padStart(width) : cell.padEnd(width);
  });
  return `${printable(padded.join('  ').trimEnd())}\n`;
}

/** What a ledger holds may have been written by anybody: control characters would steer the terminal. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\uFFFD');
}

const BY_NAME: Readonly<Record<FormatName, Format>> = { table, ndjson, csv };

export function formatOf(name: FormatName): Format {
  return BY_NAME[name];
}
