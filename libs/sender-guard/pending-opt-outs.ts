import { EMPTY_STATE, join, type RecipientState } from '#consent';
import { withoutLinks } from '#contracts';
import type { TextTable } from '#packed';
import { membersOf } from './linked-members.js';
import { furthest, reaches } from './positions.js';
import { PackedStates } from './storage/packed-states.js';

/** An opt-out as it counts until the state records have it. */
export interface OptOut {
  readonly recipientId: string;
  /** Of the event in the ledger; empty where it is not known, and then nothing ever makes up for it. */
  readonly position: string;
  readonly no: RecipientState;
  /** Set where it is told under a linked key: whose it is. */
  readonly linkedFrom?: string;
}

/** A no that another recipient said and that counts here too. */
interface Told {
  readonly from: string;
  readonly position: string;
  readonly no: RecipientState;
}

/** So many opt-outs may be pending before those that state records have caught up with are looked for. */
const FIRST_SWEEP = 10_000;

/**
 * The opt-outs that are newer than the state record of their recipient. They come on a topic of their own, ahead of
 * every state, so a no is here first; it goes when the state record of that position or a later one has arrived.
 */
export class PendingOptOuts {
  #own: PackedStates;
  readonly #told = new Map<string, Told[]>();
  #sweepAt = FIRST_SWEEP;

  constructor(
    private readonly states: PackedStates,
    private readonly texts: TextTable,
  ) {
    this.#own = new PackedStates(texts);
  }

  /** Recipients with pending opt-outs, those that only wait to be swept included. */
  get size(): number {
    return this.#own.size + this.#told.size;
  }

  get bytes(): number {
    return this.#own.bytes;
  }

  add(optOut: OptOut): void {
    if (optOut.linkedFrom === undefined) this.#addOwn(optOut);
    else this.#addTold(optOut.recipientId, { ...optOut, from: optOut.linkedFrom });
    if (this.size >= this.#sweepAt) this.#sweep();
  }

  /** What is to be joined to the recipient's state, links included; undefined where nothing is pending. */
  of(recipientId: string): RecipientState | undefined {
    if (this.size === 0) return undefined;
    let no = this.#standing(recipientId)?.state;
    for (const told of this.#told.get(recipientId) ?? []) {
      if (!this.#isCovered(recipientId, told)) no = join(no ?? EMPTY_STATE, told.no);
    }
    return no;
  }

  #addOwn({ recipientId, position, no }: OptOut): void {
    if (reaches(this.states.get(recipientId)?.position, position)) return;
    const standing = this.#standing(recipientId);
    const kept = standing
      ? { position: furthest(standing.position, position), state: join(standing.state, no) }
      : { position, state: no };
    this.#own.put(recipientId, { businessId: '', ...kept });
  }

  /** What one recipient said again and again is one no: a machine may answer a machine for days. */
  #addTold(recipientId: string, told: Told): void {
    if (this.#isCovered(recipientId, told)) return;
    const all = this.#told.get(recipientId) ?? [];
    const before = all.find(({ from }) => from === told.from);
    const isStanding = before !== undefined && !this.#isCovered(recipientId, before);
    const joined = isStanding ? joinTold(before, told) : told;
    const others = all.filter((other) => other !== before);
    this.#told.set(recipientId, [...others, { ...joined, no: withoutLinks(joined.no) }]);
  }

  #standing(recipientId: string) {
    const pending = this.#own.get(recipientId);
    if (pending === undefined) return undefined;
    return reaches(this.states.get(recipientId)?.position, pending.position) ? undefined : pending;
  }

  /** Its own state has it; and the recipient's is linked to that one, or is new enough to know that it no longer is. */
  #isCovered(recipientId: string, { from, position }: Told): boolean {
    if (!reaches(this.states.get(from)?.position, position)) return false;
    if (reaches(this.states.get(recipientId)?.position, position)) return true;
    return membersOf(recipientId, (id) => this.states.get(id)?.state)?.has(from) ?? false;
  }

  #sweep(): void {
    const kept = new PackedStates(this.texts);
    for (const [recipientId, pending] of this.#own.entries()) {
      if (!reaches(this.states.get(recipientId)?.position, pending.position)) kept.put(recipientId, pending);
    }
    this.#own = kept;
    for (const [recipientId, all] of this.#told) {
      const standing = all.filter((told) => !this.#isCovered(recipientId, told));
      if (standing.length === 0) this.#told.delete(recipientId);
      else this.#told.set(recipientId, standing);
    }
    this.#sweepAt = Math.max(FIRST_SWEEP, 2 * this.size);
  }
}

function joinTold(one: Told, other: Told): Told {
  return { from: one.from, position: furthest(one.position, other.position), no: join(one.no, other.no) };
}
