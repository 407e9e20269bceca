import type { Basis, LinkCell, PreferenceCell, RecipientState } from '#consent';
import { ByteWriter, KEY_BYTES, UUID_BYTES, writeKey, writeUuid, type TextTable } from '#packed';
import { msOf } from './packed-instant.js';
import { CONFIRMATION, END, EVENT, GRANT, LINK, PART, PREFERENCE, REVOCATION } from './parts.js';

/** A recipient's state as the guard keeps it: what a record says, and up to where in the ledger it holds. */
export interface KeptState {
  readonly businessId: string;
  /** `<ledger id>.<n>`; empty where it is not known. */
  readonly position: string;
  readonly state: RecipientState;
}

/** Greater than any instant before year 0 or after 9999 may be packed. */
const MAX_PACKED_MS = 2 ** 48;

/**
 * Packs states of the form that `readStateRecord` and `noOf` make. What they make up (type, stream, revision, when
 * recorded) is left out and made up again.
 */
export class StatePacker {
  readonly #out: ByteWriter;
  /** The events of the state being packed; one that several cells rest on is written once. */
  readonly #events: Basis[] = [];

  constructor(texts: TextTable) {
    this.#out = new ByteWriter(texts);
  }

  /** The bytes of the state, valid until the next call. Throws `TooLong`. */
  pack({ businessId, position, state }: KeptState): Uint8Array {
    const out = this.#out;
    out.length = 0;
    this.#events.length = 0;
    out.text(businessId);
    this.#position(position);
    out.byte(partsOf(state));
    this.#ends(state);
    this.#cells(state);
    return out.bytes.subarray(0, out.length);
  }

  #position(position: string): void {
    const dot = position.lastIndexOf('.');
    const n = dot < 0 ? Number.NaN : Number(position.slice(dot + 1));
    const isPlain = Number.isSafeInteger(n) && n >= 0 && String(n) === position.slice(dot + 1);
    this.#out.text(isPlain ? position.slice(0, dot + 1) : position);
    this.#out.number(isPlain ? n + 1 : 0);
  }

  #ends({ erased, unreadable }: RecipientState): void {
    if (!erased && !unreadable) return;
    this.#out.byte((erased ? END.erased : 0) | (unreadable ? END.unreadable : 0));
    if (erased) this.#event(erased);
    if (unreadable) this.#event(unreadable);
  }

  #cells({ grants, revocations, preferences, blocks, contacts, confirmations, links }: RecipientState): void {
    const out = this.#out;
    this.#list(grants, (cell) => {
      out.byte(cell.expiresAt === undefined ? 0 : GRANT.expires);
      out.text(cell.channel);
      out.text(cell.purpose);
      if (cell.expiresAt !== undefined) this.#instant(cell.expiresAt);
      this.#event(cell);
    });
    this.#list(revocations, (cell) => {
      out.byte(cell.purpose === undefined ? REVOCATION.ofCategory : REVOCATION.ofPurpose);
      out.text(cell.channel);
      out.text(cell.purpose ?? cell.category ?? '');
      this.#event(cell);
    });
    this.#list(preferences, (cell) => this.#preference(cell));
    this.#list(blocks, (cell) => {
      out.text(cell.channel);
      this.#event(cell);
    });
    this.#list(contacts, (cell) => {
      out.text(cell.channel);
      out.text(cell.sender);
      this.#event(cell);
    });
    this.#list(confirmations, ({ channel, stoppedAt, confirmation }) => {
      out.byte(confirmation ? CONFIRMATION.confirmable : 0);
      out.text(channel);
      this.#instant(stoppedAt);
      if (!confirmation) return;
      this.#instant(confirmation.until);
      this.#event(confirmation);
    });
    this.#list(links, (cell) => this.#link(cell));
  }

  #list<C>(cells: readonly C[], write: (cell: C) => void): void {
    if (cells.length === 0) return;
    this.#out.number(cells.length);
    for (const cell of cells) write(cell);
  }

  #preference({ channel, sender, stop, resume }: PreferenceCell): void {
    this.#out.byte((stop ? PREFERENCE.stop : 0) | (resume ? PREFERENCE.resume : 0));
    this.#out.text(channel);
    this.#out.text(sender);
    if (stop) this.#event(stop);
    if (resume) this.#event(resume);
  }

  #link({ recipientId, link, unlink }: LinkCell): void {
    const out = this.#out;
    const flagsAt = out.length;
    out.byte((link ? LINK.link : 0) | (unlink ? LINK.unlink : 0) | (link?.role === undefined ? 0 : LINK.role));
    if (writeKey(recipientId, out.bytes.subarray(out.length, out.length + KEY_BYTES))) {
      out.bytes[flagsAt] = (out.bytes[flagsAt] ?? 0) | LINK.packedId;
      out.length += KEY_BYTES;
    } else {
      out.ownText(recipientId);
    }
    if (link) out.text(link.kind);
    if (link?.role !== undefined) out.text(link.role);
    if (link) this.#event(link);
    if (unlink) this.#event(unlink);
  }

  #event(basis: Basis): void {
    const out = this.#out;
    const known = this.#events.findIndex(
      (event) => event.eventId === basis.eventId && event.occurredAt === basis.occurredAt,
    );
    if (known >= 0) return out.number(EVENT.firstKnown + known);
    this.#events.push(basis);
    const ms = msOf(basis.occurredAt);
    if (ms >= 0 && ms < MAX_PACKED_MS && writeUuid(basis.eventId, out.bytes, out.length + 1)) {
      out.byte(EVENT.packed);
      out.length += UUID_BYTES;
      return out.ms(ms);
    }
    out.byte(EVENT.spelled);
    out.ownText(basis.eventId);
    out.ownText(basis.occurredAt);
  }

  /** Zero is an instant too, so one that cannot be packed is marked by a byte before it. */
  #instant(instant: string): void {
    const ms = msOf(instant);
    const packs = ms >= 0 && ms < MAX_PACKED_MS;
    this.#out.byte(packs ? EVENT.packed : EVENT.spelled);
    if (packs) this.#out.ms(ms);
    else this.#out.ownText(instant);
  }
}

function partsOf(state: RecipientState): number {
  const { grants, revocations, preferences, blocks, contacts, confirmations, links } = state;
  return (
    (grants.length > 0 ? PART.grants : 0) |
    (revocations.length > 0 ? PART.revocations : 0) |
    (preferences.length > 0 ? PART.preferences : 0) |
    (blocks.length > 0 ? PART.blocks : 0) |
    (contacts.length > 0 ? PART.contacts : 0) |
    (confirmations.length > 0 ? PART.confirmations : 0) |
    (links.length > 0 ? PART.links : 0) |
    (state.erased || state.unreadable ? PART.ends : 0)
  );
}
