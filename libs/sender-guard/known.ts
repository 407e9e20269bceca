import {
  CATEGORIES,
  CHANNELS,
  EMPTY_STATE,
  isOneOf,
  join,
  judge,
  judgeUnder,
  questionAt,
  topicUnder,
  type Basis,
  type BusinessState,
  type Instant,
  type Question,
  type RecipientState,
  type Verdict,
} from '#consent';
import {
  CATALOGUE_TYPE,
  CHANGE_TYPES,
  STATE_TYPE,
  isUnderstood,
  noOf,
  readCatalogueRecord,
  readChangeRecord,
  readStateRecord,
  withoutLinks,
  type ReadChange,
} from '#contracts';
import { TextTable, TooLong, isRecipientId } from '#packed';
import type { GuardQuestion, GuardReason } from './decision.js';
import { LastQuestion } from './last-question.js';
import { stateWithLinked } from './linked-members.js';
import { noesOf, prefixOf } from './other-ledger.js';
import { PendingOptOuts, type OptOut } from './pending-opt-outs.js';
import { furthest, ledgerOf, reaches } from './positions.js';
import type { KeptState } from './storage/pack-state.js';
import { PackedStates } from './storage/packed-states.js';
import type { ReadState } from './storage/unpack-state.js';
import { doubtOf, type TopicRecord } from './topic-record.js';

/** A verdict, or why the question cannot be judged. */
export type Judged = Verdict | { readonly eligible: false; readonly reason: GuardReason; readonly basis?: Basis };

interface Register {
  readonly revision: number;
  /** Whose revision it is: those of two ledgers have no order, and one that was restored begins at a lower one. */
  readonly ledger: string;
  readonly state: BusinessState;
}

const OPT_OUT_TYPES: ReadonlySet<string | undefined> = new Set(Object.values(CHANGE_TYPES));
const UNREADABLE_REGISTER: BusinessState = { policy: {}, purposes: [], senders: [], disclosures: [], unreadable: true };
const NO_REGISTER = { revision: -1, ledger: '' };

/**
 * What the topics have told: the states of all recipients, the opt-outs that are newer than those, the registers of the
 * businesses. Any order and any repetition of the same records ends in the same answers. A record that cannot be read
 * denies its recipient and nobody else.
 */
export class Known {
  readonly #texts = new TextTable();
  readonly #states = new PackedStates(this.#texts);
  readonly #pending = new PendingOptOuts(this.#states, this.#texts);
  readonly #registers = new Map<string, Register>();
  readonly #question = new LastQuestion();
  /** Of the positions of the ledger that proves how far the opt-outs are; undefined until one has. */
  #prefix: string | undefined;
  /** Records that could not be read, since the start. */
  unreadable = 0;
  /** Records of which it could not even be read whom they are about. */
  unaddressed = 0;

  get recipients(): number {
    return this.#states.size;
  }

  get pending(): number {
    return this.#pending.size;
  }

  /** Memory outside the heap, taken from the system. */
  get bytes(): number {
    return this.#states.bytes + this.#pending.bytes;
  }

  /** Told up to where the ledger proves that every opt-out is known: from then on only its own states may allow. */
  proved(position: string | undefined): void {
    if (position !== undefined) this.#prefix = prefixOf(position);
  }

  takeState(record: TopicRecord): void {
    const recipientId = this.#addressed(record);
    if (recipientId === undefined) return;
    const read = record.type === STATE_TYPE ? readStateRecord(record.value) : undefined;
    const known = this.#states.get(recipientId);
    if (read && isUnderstood(read) && read.recipientId === recipientId) {
      if (known && known.position !== read.position && reaches(known.position, read.position)) return;
      return this.#keep(recipientId, read, record);
    }
    this.unreadable += 1;
    // The place that it claims is as doubtful as all of it, and a newer state must be able to lift the doubt.
    this.#keepUnreadable(recipientId, record, known?.position ?? '');
  }

  /** The change where it is an opt-out that could be read, for those who want to hear of it. */
  takeOptOut(record: TopicRecord): ReadChange | undefined {
    const recipientId = this.#addressed(record);
    if (recipientId === undefined) return undefined;
    const read = OPT_OUT_TYPES.has(record.type) ? readChangeRecord(record.value) : undefined;
    const isRead = read !== undefined && isUnderstood(read) && read.recipientId === recipientId;
    if (!isRead || read.event.type === 'Unreadable') this.unreadable += 1;
    const no = isRead ? noOf(read) : { ...EMPTY_STATE, unreadable: doubtOf(record) };
    if (no === undefined) return undefined;
    const linkedFrom = isRead && read.linkedFrom !== undefined ? { linkedFrom: read.linkedFrom } : {};
    this.#addPending({ recipientId, position: record.position ?? '', no, ...linkedFrom }, record);
    return isRead ? read : undefined;
  }

  takeCatalogue(record: TopicRecord): void {
    const businessId = record.key;
    if (businessId === undefined) {
      this.unaddressed += 1;
      return;
    }
    const read = record.type === CATALOGUE_TYPE ? readCatalogueRecord(record.value) : undefined;
    const known = this.#registers.get(businessId);
    const isRead = read !== undefined && isUnderstood(read) && read.businessId === businessId;
    if (!isRead) {
      this.unreadable += 1;
      this.#registers.set(businessId, { ...(known ?? NO_REGISTER), state: UNREADABLE_REGISTER });
      return;
    }
    const [revision, ledger] = [Number(read.revision), ledgerOf(record.position)];
    if (known && known.ledger === ledger && known.revision > revision) return;
    this.#registers.set(businessId, { revision, ledger, state: read.register });
  }

  /** The rules' own answer over all that is known. Throws where what is kept cannot be read. */
  judge(asked: GuardQuestion, now: Instant): Judged {
    const register = this.#registers.get(asked.businessId)?.state;
    if (register === undefined) return no('BUSINESS_NOT_FOUND');
    const question = this.#question.of(register, asked, now);
    // A register that cannot be read in full may lack the very purpose: doubt comes before its absence.
    if ('refused' in question) return no(register.unreadable ? 'STATE_UNREADABLE' : question.refused);
    const kept = this.#states.get(asked.recipientId, asked.channel);
    const own = kept && this.#isCurrent(kept) ? stateFor(kept, asked.businessId) : undefined;
    const isAlone = own === undefined ? kept === undefined : own.links.length === 0;
    if (isAlone && this.#pending.of(asked.recipientId) === undefined) {
      return own === undefined ? no('RECIPIENT_UNKNOWN') : judgeUnder(register, own, question);
    }
    const judged = this.#judgeJoined(asked, register, question);
    return own === undefined && !isObjection(judged.reason) ? no('RECIPIENT_UNKNOWN') : judged;
  }

  /**
   * Whether a no of the person is known, whatever else is in doubt. Without the register any category may be meant.
   */
  objects(asked: GuardQuestion, now: Instant): boolean {
    const register = this.#registers.get(asked.businessId)?.state ?? UNREADABLE_REGISTER;
    const topic = topicUnder(register, asked);
    const { channel, purpose } = asked;
    if (!isOneOf(CHANNELS, channel)) return false;
    const guesses = CATEGORIES.map((category) => ({ channel, purpose, category, requires: 'consent' }) as const);
    const { unreadable: _doubt, ...state } = this.#joined(asked, true).state;
    const reasons = ('refused' in topic ? guesses : [topic]).map((one) => judge(state, questionAt(one, now)).reason);
    return reasons.some((reason) => reason === 'REVOKED' || reason === 'BLOCKED');
  }

  /**
   * A link, or the end of one, that no state record has yet may only deny: what is eligible with it must be so without
   * it too.
   */
  #judgeJoined(asked: GuardQuestion, register: BusinessState, question: Question): Judged {
    const { isLinksPending, ...joined } = this.#joined(asked, true);
    const judged = judgedOver(joined, register, question);
    if (!judged.eligible || !isLinksPending) return judged;
    const without = judgedOver(this.#joined(asked, false), register, question);
    if (!without.eligible) return without;
    return (without.validUntil ?? NEVER) < (judged.validUntil ?? NEVER) ? without : judged;
  }

  /** The recipient's state with those linked to it, pending opt-outs included, pending links where they are wanted. */
  #joined({ businessId, recipientId, channel }: GuardQuestion, withPendingLinks: boolean) {
    let isLinksPending = false;
    let isMemberUnknown = false;
    const stateOf = (id: string) => {
      const state = this.#stateOf(businessId, id, channel);
      isMemberUnknown ||= state === undefined && id !== recipientId;
      const pending = this.#pending.of(id);
      if (pending === undefined) return state;
      isLinksPending ||= pending.links.length > 0;
      return join(state ?? EMPTY_STATE, withPendingLinks ? pending : withoutLinks(pending));
    };
    const own = stateOf(recipientId) ?? EMPTY_STATE;
    const state = stateWithLinked(recipientId, own, stateOf);
    return { state, isLinksPending, isMemberUnknown };
  }

  #stateOf(businessId: string, recipientId: string, channel: string): RecipientState | undefined {
    const kept = this.#states.get(recipientId, channel);
    const state = kept && stateFor(kept, businessId);
    return kept && state && !this.#isCurrent(kept) ? noesOf(state) : state;
  }

  #isCurrent(kept: ReadState): boolean {
    return this.#prefix === undefined || kept.isOf(this.#prefix);
  }

  #addressed({ key }: TopicRecord): string | undefined {
    if (isRecipientId(key)) return key;
    this.unaddressed += 1;
    return undefined;
  }

  #keep(recipientId: string, kept: KeptState, record: TopicRecord): void {
    try {
      this.#states.put(recipientId, kept);
    } catch (error) {
      if (!(error instanceof TooLong)) throw error;
      this.unreadable += 1;
      this.#keepUnreadable(recipientId, record, kept.position);
    }
  }

  /** What was known before goes: the doubt denies whatever it was. A newer record that can be read lifts it. */
  #keepUnreadable(recipientId: string, record: TopicRecord, position: string): void {
    const state = { ...EMPTY_STATE, unreadable: doubtOf(record) };
    this.#states.put(recipientId, { businessId: '', position, state });
  }

  #addPending(optOut: OptOut, record: TopicRecord): void {
    try {
      this.#pending.add(optOut);
    } catch (error) {
      if (!(error instanceof TooLong)) throw error;
      this.unreadable += 1;
      const known = this.#states.get(optOut.recipientId)?.position;
      this.#keepUnreadable(optOut.recipientId, record, furthestOf(known, optOut.position));
    }
  }
}

/** A state of another business is as if unknown; one whose business nobody can tell denies whoever asks. */
function stateFor(kept: KeptState, businessId: string): RecipientState | undefined {
  if (kept.businessId === businessId) return kept.state;
  const { unreadable } = kept.state;
  return kept.businessId === '' && unreadable ? { ...EMPTY_STATE, unreadable } : undefined;
}

/** Sorts after every instant. */
const NEVER = '~';

interface Joined {
  readonly state: RecipientState;
  /** Of somebody linked there is no state record. */
  readonly isMemberUnknown: boolean;
}

/**
 * A link is an event of both, so of everybody linked there is a record, unless the topic was lost and is being written
 * again: a no that is older than the opt-outs are kept may be in one that is still to come.
 */
function judgedOver({ state, isMemberUnknown }: Joined, register: BusinessState, question: Question): Judged {
  const verdict = judgeUnder(register, state, question);
  return verdict.eligible && isMemberUnknown ? no('STATE_UNREADABLE') : verdict;
}

function isObjection(reason: GuardReason): boolean {
  return reason === 'REVOKED' || reason === 'BLOCKED' || reason === 'STATE_UNREADABLE';
}

function no(reason: GuardReason): Judged {
  return { eligible: false, reason };
}

function furthestOf(one: string | undefined, other: string): string {
  return one && other ? furthest(one, other) : (one ?? other);
}
