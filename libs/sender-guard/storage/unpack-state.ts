import { ALL, EMPTY_STATE, type LinkCell, type PreferenceCell, type RecipientState } from '#consent';
import { ByteReader, KEY_BYTES, keyText, type TextTable } from '#packed';
import type { KeptState } from './pack-state.js';
import { PACKED_EVENT_BYTES, PackedCell, spelledBytes } from './packed-cell.js';
import { instantAt } from './packed-instant.js';
import { CONFIRMATION, END, EVENT, GRANT, LINK, PART, PREFERENCE, REVOCATION } from './parts.js';

/** A kept state, and quickly whether it is of a ledger. */
export interface ReadState extends KeptState {
  /** `prefix` is what all positions of a ledger begin with, `<ledger id>.`. */
  isOf(prefix: string): boolean;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };
type Cell<K extends keyof RecipientState> = Extract<RecipientState[K], readonly unknown[]>[number];

/**
 * Reads what `StatePacker` packed. What it gives is read from the bytes bit by bit, and good until they change. Every
 * check goes through here, so it makes as few objects as can be.
 */
export class StateUnpacker {
  readonly #in: ByteReader;
  /** Where the events of the state being read stand, in the order in which they come; older ones may follow. */
  readonly #events: number[] = [];
  #eventCount = 0;
  #recipientId = '';
  /** Of grants, revocations and contacts those on other channels are left out; undefined: none is. */
  #channel: string | undefined;

  constructor(texts: TextTable) {
    this.#in = new ByteReader(texts);
  }

  /** With a `channel`, what a decision about it does not look at may be missing. */
  unpack(bytes: Buffer, at: number, recipientId: string, channel?: string): ReadState {
    this.#channel = channel;
    const input = this.#in;
    input.bytes = bytes;
    input.at = at;
    this.#eventCount = 0;
    this.#recipientId = recipientId;
    const businessId = input.text();
    const ledger = input.text();
    const n = input.number();
    return new UnpackedState(businessId, ledger, n, this.#state(input.byte()));
  }

  #state(parts: number): RecipientState {
    const ends = parts & PART.ends ? this.#in.byte() : 0;
    const erased = ends & END.erased ? this.#cell('RecipientErased') : undefined;
    const unreadable = ends & END.unreadable ? this.#cell('Unreadable') : undefined;
    const state: Mutable<RecipientState> = {
      grants: parts & PART.grants ? this.#grants() : EMPTY_STATE.grants,
      revocations: parts & PART.revocations ? this.#revocations() : EMPTY_STATE.revocations,
      preferences: parts & PART.preferences ? this.#preferences() : EMPTY_STATE.preferences,
      blocks: parts & PART.blocks ? this.#blocks() : EMPTY_STATE.blocks,
      contacts: parts & PART.contacts ? this.#contacts() : EMPTY_STATE.contacts,
      confirmations: parts & PART.confirmations ? this.#confirmations() : EMPTY_STATE.confirmations,
      links: parts & PART.links ? this.#links() : EMPTY_STATE.links,
    };
    if (erased) state.erased = erased;
    if (unreadable) state.unreadable = unreadable;
    return state;
  }

  #grants(): readonly Cell<'grants'>[] {
    const input = this.#in;
    let cells: PackedCell[] | undefined;
    for (let left = input.number(); left > 0; left--) {
      const expires = input.byte() === GRANT.expires;
      const channel = input.text();
      const purpose = input.text();
      const expiresAt = expires ? this.#instant() : undefined;
      if (this.#isElsewhere(channel)) continue;
      const cell = this.#cell('ConsentGranted', channel, purpose, undefined, undefined, expiresAt);
      cells = withCell(cells, cell);
    }
    return (cells ?? EMPTY_STATE.grants) as readonly unknown[] as readonly Cell<'grants'>[];
  }

  #revocations(): readonly Cell<'revocations'>[] {
    const input = this.#in;
    let cells: PackedCell[] | undefined;
    for (let left = input.number(); left > 0; left--) {
      const isOfPurpose = input.byte() === REVOCATION.ofPurpose;
      const channel = input.text();
      const what = input.text();
      if (channel !== ALL && this.#isElsewhere(channel)) continue;
      const purpose = isOfPurpose ? what : undefined;
      cells = withCell(cells, this.#cell('ConsentRevoked', channel, purpose, isOfPurpose ? undefined : what));
    }
    return (cells ?? EMPTY_STATE.revocations) as readonly unknown[] as readonly Cell<'revocations'>[];
  }

  #preferences(): readonly PreferenceCell[] {
    const input = this.#in;
    const cells: PreferenceCell[] = [];
    for (let left = input.number(); left > 0; left--) {
      const flags = input.byte();
      const cell = { channel: input.text(), sender: input.text() } as Mutable<PreferenceCell>;
      if (flags & PREFERENCE.stop) cell.stop = this.#cell('ConsentRevoked');
      if (flags & PREFERENCE.resume) cell.resume = this.#cell('PreferenceResumed');
      cells.push(cell);
    }
    return cells;
  }

  #blocks(): readonly Cell<'blocks'>[] {
    const cells: PackedCell[] = [];
    for (let left = this.#in.number(); left > 0; left--) cells.push(this.#cell('ConsentRevoked', this.#in.text()));
    return cells as unknown as readonly Cell<'blocks'>[];
  }

  #contacts(): readonly Cell<'contacts'>[] {
    const input = this.#in;
    let cells: PackedCell[] | undefined;
    for (let left = input.number(); left > 0; left--) {
      const channel = input.text();
      const sender = input.text();
      if (this.#isElsewhere(channel)) continue;
      cells = withCell(cells, this.#cell('UserMessaged', channel, undefined, undefined, sender));
    }
    return (cells ?? EMPTY_STATE.contacts) as readonly unknown[] as readonly Cell<'contacts'>[];
  }

  /** Then the cell's event has been read past. */
  #isElsewhere(channel: string): boolean {
    if (this.#channel === undefined || this.#channel === channel) return false;
    this.#eventAt();
    return true;
  }

  /** A yes of few minutes, so few have one: an ordinary value. */
  #confirmations(): readonly Cell<'confirmations'>[] {
    const input = this.#in;
    const cells: Cell<'confirmations'>[] = [];
    for (let left = input.number(); left > 0; left--) {
      const isConfirmable = input.byte() === CONFIRMATION.confirmable;
      const channel = input.text() as Cell<'confirmations'>['channel'];
      const stoppedAt = this.#instant();
      const until = isConfirmable ? this.#instant() : undefined;
      const confirmation = until === undefined ? {} : { confirmation: this.#with('ConsentRevoked', { until }) };
      cells.push({ channel, stoppedAt, ...confirmation });
    }
    return cells;
  }

  /** Whoever joins linked states takes links apart, so they are ordinary values. */
  #links(): readonly LinkCell[] {
    const cells: LinkCell[] = [];
    for (let left = this.#in.number(); left > 0; left--) cells.push(this.#link());
    return cells;
  }

  #link(): LinkCell {
    const flags = this.#in.byte();
    const cell = { recipientId: this.#otherId((flags & LINK.packedId) !== 0) } as Mutable<LinkCell>;
    if (flags & LINK.link) {
      const kind = this.#in.text() as NonNullable<LinkCell['link']>['kind'];
      const role = flags & LINK.role ? { role: this.#in.text() as 'old' | 'new' } : {};
      cell.link = this.#with('RecipientLinked', { kind, ...role });
    }
    if (flags & LINK.unlink) cell.unlink = this.#with('RecipientUnlinked', {});
    return cell;
  }

  #otherId(isPacked: boolean): string {
    const input = this.#in;
    if (!isPacked) return input.ownText();
    input.at += KEY_BYTES;
    return keyText(input.bytes, input.at - KEY_BYTES);
  }

  #with<M extends object>(type: string, members: M) {
    return { ...this.#cell(type).copied(), ...members };
  }

  #cell(
    type: string,
    channel?: string,
    purpose?: string,
    category?: string,
    sender?: string,
    expiresAt?: string,
  ): PackedCell {
    const at = this.#eventAt();
    return new PackedCell(this.#in.bytes, at, this.#recipientId, type, channel, purpose, category, sender, expiresAt);
  }

  /** Where the next cell's event stands: here, or where it stood before. */
  #eventAt(): number {
    const input = this.#in;
    const at = input.at;
    const form = input.number();
    if (form >= EVENT.firstKnown) return this.#events[form - EVENT.firstKnown] as number;
    this.#events[this.#eventCount++] = at;
    if (form === EVENT.packed) {
      input.at = at + PACKED_EVENT_BYTES;
    } else {
      input.at += spelledBytes(input.bytes, input.at);
      input.at += spelledBytes(input.bytes, input.at);
    }
    return at;
  }

  #instant(): string {
    return this.#in.byte() === EVENT.packed ? instantAt(this.#in.ms()) : this.#in.ownText();
  }
}

/** Most have one on a channel, and a list that begins as empty is given room for many. */
function withCell(cells: PackedCell[] | undefined, cell: PackedCell): PackedCell[] {
  if (cells === undefined) return [cell];
  cells.push(cell);
  return cells;
}

/** A check looks at the position of few. */
class UnpackedState implements ReadState {
  constructor(
    readonly businessId: string,
    private readonly ledger: string,
    private readonly n: number,
    readonly state: RecipientState,
  ) {}

  get position(): string {
    return this.n === 0 ? this.ledger : this.ledger + (this.n - 1);
  }

  isOf(prefix: string): boolean {
    return this.ledger === prefix;
  }
}
