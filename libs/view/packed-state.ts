import type {
  Basis,
  ConfirmationCell,
  GrantCell,
  LinkCell,
  PreferenceCell,
  RecipientState,
  RevocationCell,
} from '#consent';
import type { ByteReader, ByteWriter } from '#packed';
import { readBasis, readInstant, readOptional, writeBasis, writeInstant, writeOptional } from './packed-basis.js';

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Which parts of a state hold something: most people have one or two. */
const GRANTS = 1;
const CONTACTS = 2;
const REVOCATIONS = 4;
const CONFIRMATIONS = 8;
const PREFERENCES = 16;
const BLOCKS = 32;
const LINKS = 64;
const ERASED = 128;
const UNREADABLE = 256;

/** Most cells of most people are empty: one list serves them all. */
const NOTHING: readonly never[] = Object.freeze([]);

/** Writes a state as bytes for this process alone: they are read as often as somebody is asked about. */
export function writeState(out: ByteWriter, state: RecipientState, recipientId: string): void {
  out.number(partsOf(state));
  writeCells(out, state.grants, (cell) => writeGrant(out, cell, recipientId));
  writeCells(out, state.contacts, (cell) => {
    out.text(cell.channel);
    out.text(cell.sender);
    writeBasis(out, cell, 'UserMessaged', recipientId);
  });
  writeCells(out, state.revocations, (cell) => writeRevocation(out, cell, recipientId));
  writeCells(out, state.confirmations, (cell) => writeConfirmation(out, cell, recipientId));
  writeCells(out, state.preferences, (cell) => writePreference(out, cell, recipientId));
  writeCells(out, state.blocks, (cell) => {
    out.text(cell.channel);
    writeBasis(out, cell, 'ConsentRevoked', recipientId);
  });
  writeCells(out, state.links, (cell) => writeLink(out, cell, recipientId));
  if (state.erased) writeBasis(out, state.erased, 'RecipientErased', recipientId);
  if (state.unreadable) writeBasis(out, state.unreadable, 'Unreadable', recipientId);
}

function partsOf(state: RecipientState): number {
  const has = (cells: readonly unknown[], part: number) => (cells.length === 0 ? 0 : part);
  return (
    has(state.grants, GRANTS) |
    has(state.contacts, CONTACTS) |
    has(state.revocations, REVOCATIONS) |
    has(state.confirmations, CONFIRMATIONS) |
    has(state.preferences, PREFERENCES) |
    has(state.blocks, BLOCKS) |
    has(state.links, LINKS) |
    (state.erased ? ERASED : 0) |
    (state.unreadable ? UNREADABLE : 0)
  );
}

function writeCells<C>(out: ByteWriter, cells: readonly C[], write: (cell: C) => void): void {
  if (cells.length === 0) return;
  out.number(cells.length);
  for (const cell of cells) write(cell);
}

/** The state that `writeState` wrote of this recipient. */
export function readState(input: ByteReader, recipientId: string): RecipientState {
  const parts = input.number();
  const grants = parts & GRANTS ? readCells(input, recipientId, readGrant) : NOTHING;
  const contacts = parts & CONTACTS ? readCells(input, recipientId, readContact) : NOTHING;
  const revocations = parts & REVOCATIONS ? readCells(input, recipientId, readRevocation) : NOTHING;
  const confirmations = parts & CONFIRMATIONS ? readCells(input, recipientId, readConfirmation) : NOTHING;
  const preferences = parts & PREFERENCES ? readCells(input, recipientId, readPreference) : NOTHING;
  const blocks = parts & BLOCKS ? readCells(input, recipientId, readBlock) : NOTHING;
  const links = parts & LINKS ? readCells(input, recipientId, readLink) : NOTHING;
  const state: Mutable<RecipientState> = {
    grants,
    revocations,
    preferences,
    blocks,
    contacts,
    confirmations,
    links,
  };
  if (parts & ERASED) state.erased = readBasis(input, 'RecipientErased', recipientId);
  if (parts & UNREADABLE) state.unreadable = readBasis(input, 'Unreadable', recipientId);
  return state;
}

type Read<C> = (input: ByteReader, recipientId: string) => C;

function readCells<C>(input: ByteReader, recipientId: string, read: Read<C>): readonly C[] {
  const count = input.number();
  const cells = [read(input, recipientId)];
  while (cells.length < count) cells.push(read(input, recipientId));
  return cells;
}

function writeGrant(out: ByteWriter, cell: GrantCell, recipientId: string): void {
  out.text(cell.channel);
  out.text(cell.purpose);
  out.byte(cell.expiresAt === undefined ? 0 : 1);
  if (cell.expiresAt !== undefined) writeInstant(out, cell.expiresAt);
  writeBasis(out, cell, 'ConsentGranted', recipientId);
}

function readGrant(input: ByteReader, recipientId: string): GrantCell {
  const channel = input.text() as GrantCell['channel'];
  const purpose = input.text();
  const expiresAt = input.byte() === 1 ? readInstant(input) : undefined;
  const cell = readBasis(input, 'ConsentGranted', recipientId) as Mutable<GrantCell>;
  cell.channel = channel;
  cell.purpose = purpose;
  if (expiresAt !== undefined) cell.expiresAt = expiresAt;
  return cell;
}

function readContact(input: ByteReader, recipientId: string) {
  const channel = input.text();
  const sender = input.text();
  const cell = readBasis(input, 'UserMessaged', recipientId) as Mutable<RecipientState['contacts'][number]>;
  cell.channel = channel as typeof cell.channel;
  cell.sender = sender;
  return cell;
}

/** Exactly one of the two, and which. */
const OF_PURPOSE = 1;
const OF_CATEGORY = 2;

function writeRevocation(out: ByteWriter, { purpose, category, ...cell }: RevocationCell, recipientId: string): void {
  out.text(cell.channel);
  out.byte((purpose === undefined ? 0 : OF_PURPOSE) | (category === undefined ? 0 : OF_CATEGORY));
  if (purpose !== undefined) out.text(purpose);
  if (category !== undefined) out.text(category);
  writeBasis(out, cell, 'ConsentRevoked', recipientId);
}

function readRevocation(input: ByteReader, recipientId: string): RevocationCell {
  const channel = input.text() as RevocationCell['channel'];
  const of = input.byte();
  const purpose = of & OF_PURPOSE ? input.text() : undefined;
  const category = of & OF_CATEGORY ? input.text() : undefined;
  const cell = readBasis(input, 'ConsentRevoked', recipientId) as Mutable<RevocationCell>;
  cell.channel = channel;
  if (purpose !== undefined) cell.purpose = purpose;
  if (category !== undefined) cell.category = category as NonNullable<RevocationCell['category']>;
  return cell;
}

function writeConfirmation(
  out: ByteWriter,
  { channel, stoppedAt, confirmation }: ConfirmationCell,
  recipientId: string,
): void {
  out.text(channel);
  writeInstant(out, stoppedAt);
  out.byte(confirmation ? 1 : 0);
  if (!confirmation) return;
  writeInstant(out, confirmation.until);
  writeBasis(out, confirmation, 'ConsentRevoked', recipientId);
}

function readConfirmation(input: ByteReader, recipientId: string): ConfirmationCell {
  const channel = input.text() as ConfirmationCell['channel'];
  const stoppedAt = readInstant(input);
  if (input.byte() === 0) return { channel, stoppedAt };
  const until = readInstant(input);
  const confirmation = readBasis(input, 'ConsentRevoked', recipientId) as Basis & { until: string };
  confirmation.until = until;
  return { channel, stoppedAt, confirmation };
}

function writePreference(out: ByteWriter, cell: PreferenceCell, recipientId: string): void {
  out.text(cell.channel);
  out.text(cell.sender);
  writeOptional(out, cell.stop, 'ConsentRevoked', recipientId);
  writeOptional(out, cell.resume, 'PreferenceResumed', recipientId);
}

function readPreference(input: ByteReader, recipientId: string): PreferenceCell {
  const cell = { channel: input.text(), sender: input.text() } as Mutable<PreferenceCell>;
  const stop = readOptional(input, 'ConsentRevoked', recipientId);
  if (stop) cell.stop = stop;
  const resume = readOptional(input, 'PreferenceResumed', recipientId);
  if (resume) cell.resume = resume;
  return cell;
}

function readBlock(input: ByteReader, recipientId: string) {
  const channel = input.text();
  const cell = readBasis(input, 'ConsentRevoked', recipientId) as Mutable<RecipientState['blocks'][number]>;
  cell.channel = channel as typeof cell.channel;
  return cell;
}

function writeLink(out: ByteWriter, { recipientId: other, link, unlink }: LinkCell, recipientId: string): void {
  out.ownText(other);
  out.byte(link ? 1 : 0);
  if (link) {
    out.text(link.kind);
    out.text(link.role ?? '');
    writeBasis(out, link, 'RecipientLinked', recipientId);
  }
  writeOptional(out, unlink, 'RecipientUnlinked', recipientId);
}

function readLink(input: ByteReader, recipientId: string): LinkCell {
  const cell = { recipientId: input.ownText() } as Mutable<LinkCell>;
  if (input.byte() === 1) cell.link = readLinked(input, recipientId);
  const unlink = readOptional(input, 'RecipientUnlinked', recipientId);
  if (unlink) cell.unlink = unlink;
  return cell;
}

type Linked = NonNullable<LinkCell['link']>;
function readLinked(input: ByteReader, recipientId: string): Linked {
  const kind = input.text() as Linked['kind'];
  const role = input.text();
  const linked = readBasis(input, 'RecipientLinked', recipientId) as Mutable<Linked>;
  linked.kind = kind;
  if (role !== '') linked.role = role as 'old' | 'new';
  return linked;
}
