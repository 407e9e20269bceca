import type {
  Basis,
  BlockCell,
  ConfirmationCell,
  ContactCell,
  GrantCell,
  LinkCell,
  PreferenceCell,
  RecipientState,
  RevocationCell,
} from '#consent';
import { packBasis, unpackBasis, type Packed, type Value } from './basis-codec.js';
import { packInstant, unpackInstant } from './instant-codec.js';

/** Changes with every change of what the packed form looks like; a view written under another one is rebuilt. */
export const CODEC_VERSION = 2;

/**
 * Packs a recipient's folded state as JSON: `[grants, revocations, preferences, blocks, contacts, confirmations, links,
 * erased, unreadable]`, each a list of cells or `0` for nothing, each cell a flat list. What follows from the cell's
 * kind and the recipient's own id (event type, stream) is left out. Equal states give equal text.
 */
export function encode(state: RecipientState, recipientId: string): string {
  return JSON.stringify(pack(state, recipientId));
}

function pack(state: RecipientState, recipientId: string): Packed {
  const part = (cells: readonly Packed[]): Value => (cells.length === 0 ? 0 : cells);
  return [
    part(state.grants.map((cell) => packGrant(cell, recipientId))),
    part(state.revocations.map((cell) => packRevocation(cell, recipientId))),
    part(state.preferences.map((cell) => packPreference(cell, recipientId))),
    part(state.blocks.map((cell) => [cell.channel, ...packBasis(cell, 'ConsentRevoked', recipientId)])),
    part(state.contacts.map((cell) => [cell.channel, cell.sender, ...packBasis(cell, 'UserMessaged', recipientId)])),
    part(state.confirmations.map((cell) => packConfirmation(cell, recipientId))),
    part(state.links.map((cell) => packLink(cell, recipientId))),
    optional(state.erased, 'RecipientErased', recipientId),
    optional(state.unreadable, 'Unreadable', recipientId),
  ];
}

/** Most cells of most people are empty: one list serves them all. */
const NOTHING: readonly never[] = Object.freeze([]);

/** The state that `encode` packed for this recipient. Throws on text that it did not write. */
export function decode(text: string, recipientId: string): RecipientState {
  return unpack(JSON.parse(text) as Packed, recipientId);
}

/** Undefined where it is no packed state of this recipient. */
export function decodeUnlessDamaged(text: string, recipientId: string): RecipientState | undefined {
  try {
    return decode(text, recipientId);
  } catch {
    return undefined;
  }
}

function unpack(packed: Packed, recipientId: string): RecipientState {
  const part = <C>(index: number, read: (cell: Packed, recipientId: string) => C): readonly C[] => {
    const cells = packed[index] as readonly Packed[] | 0 | undefined;
    if (cells === 0) return NOTHING;
    if (cells === undefined) throw new Error('a packed state lacks a part');
    return cells.map((cell) => read(cell, recipientId));
  };
  const state: { -readonly [K in keyof RecipientState]: RecipientState[K] } = {
    grants: part(0, unpackGrant),
    revocations: part(1, unpackRevocation),
    preferences: part(2, unpackPreference),
    blocks: part(3, unpackBlock),
    contacts: part(4, unpackContact),
    confirmations: part(5, unpackConfirmation),
    links: part(6, unpackLink),
  };
  if (packed[7] !== 0) state.erased = unpackBasis(packed[7] as Packed, 0, 'RecipientErased', recipientId);
  if (packed[8] !== 0) state.unreadable = unpackBasis(packed[8] as Packed, 0, 'Unreadable', recipientId);
  return state;
}

/** Stands where a grant has no end; 0 is an end too, in 1970. */
const NEVER = '';

function packGrant(cell: GrantCell, recipientId: string): Packed {
  const expiry = cell.expiresAt === undefined ? NEVER : packInstant(cell.expiresAt);
  return [cell.channel, cell.purpose, expiry, ...packBasis(cell, 'ConsentGranted', recipientId)];
}

function unpackGrant(cell: Packed, recipientId: string): GrantCell {
  const basis = unpackBasis(cell, 3, 'ConsentGranted', recipientId) as Mutable<GrantCell>;
  basis.channel = cell[0] as GrantCell['channel'];
  basis.purpose = cell[1] as string;
  if (cell[2] !== NEVER) basis.expiresAt = unpackInstant(cell[2] as number);
  return basis;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

function packRevocation(cell: RevocationCell, recipientId: string): Packed {
  const [purpose, category] = [cell.purpose ?? 0, cell.category ?? 0];
  return [cell.channel, purpose, category, ...packBasis(cell, 'ConsentRevoked', recipientId)];
}

function unpackRevocation(cell: Packed, recipientId: string): RevocationCell {
  const basis = unpackBasis(cell, 3, 'ConsentRevoked', recipientId) as Mutable<RevocationCell>;
  basis.channel = cell[0] as RevocationCell['channel'];
  if (cell[1] !== 0) basis.purpose = cell[1] as string;
  if (cell[2] !== 0) basis.category = cell[2] as NonNullable<RevocationCell['category']>;
  return basis;
}

function packPreference({ channel, sender, stop, resume }: PreferenceCell, recipientId: string): Packed {
  const parts = [optional(stop, 'ConsentRevoked', recipientId), optional(resume, 'PreferenceResumed', recipientId)];
  return [channel, sender, ...parts];
}

function unpackPreference([channel, sender, stop, resume]: Packed, recipientId: string): PreferenceCell {
  const cell = { channel, sender } as Mutable<PreferenceCell>;
  if (stop !== 0) cell.stop = unpackBasis(stop as Packed, 0, 'ConsentRevoked', recipientId);
  if (resume !== 0) cell.resume = unpackBasis(resume as Packed, 0, 'PreferenceResumed', recipientId);
  return cell;
}

function unpackBlock(cell: Packed, recipientId: string): BlockCell {
  const basis = unpackBasis(cell, 1, 'ConsentRevoked', recipientId) as Mutable<BlockCell>;
  basis.channel = cell[0] as BlockCell['channel'];
  return basis;
}

function unpackContact(cell: Packed, recipientId: string): ContactCell {
  const basis = unpackBasis(cell, 2, 'UserMessaged', recipientId) as Mutable<ContactCell>;
  basis.channel = cell[0] as ContactCell['channel'];
  basis.sender = cell[1] as string;
  return basis;
}

function packConfirmation({ channel, stoppedAt, confirmation }: ConfirmationCell, recipientId: string): Packed {
  const stopped = [channel, packInstant(stoppedAt)];
  if (!confirmation) return stopped;
  return [...stopped, packInstant(confirmation.until), ...packBasis(confirmation, 'ConsentRevoked', recipientId)];
}

function unpackConfirmation(cell: Packed, recipientId: string): ConfirmationCell {
  const stopped = {
    channel: cell[0] as ConfirmationCell['channel'],
    stoppedAt: unpackInstant(cell[1] as number),
  };
  if (cell.length === 2) return stopped;
  const basis = unpackBasis(cell, 3, 'ConsentRevoked', recipientId);
  return { ...stopped, confirmation: { ...basis, until: unpackInstant(cell[2] as number) } };
}

function packLink({ recipientId: other, link, unlink }: LinkCell, recipientId: string): Packed {
  const linked = link ? [link.kind, link.role ?? 0, ...packBasis(link, 'RecipientLinked', recipientId)] : 0;
  return [other, linked, optional(unlink, 'RecipientUnlinked', recipientId)];
}

function unpackLink([other, linked, unlinked]: Packed, recipientId: string): LinkCell {
  const cell = { recipientId: other as string } as Mutable<LinkCell>;
  if (linked !== 0) cell.link = unpackLinked(linked as Packed, recipientId);
  if (unlinked !== 0) cell.unlink = unpackBasis(unlinked as Packed, 0, 'RecipientUnlinked', recipientId);
  return cell;
}

type Linked = NonNullable<LinkCell['link']>;
function unpackLinked(linked: Packed, recipientId: string): Linked {
  const basis = unpackBasis(linked, 2, 'RecipientLinked', recipientId) as Mutable<Linked>;
  basis.kind = linked[0] as Linked['kind'];
  if (linked[1] !== 0) basis.role = linked[1] as 'old' | 'new';
  return basis;
}

function optional(basis: Basis | undefined, type: string, recipientId: string): Value {
  return basis ? packBasis(basis, type, recipientId) : 0;
}
