import { isWindowOver, requirementOn, windowEnd } from './channel-policy.js';
import type { Instant } from './instant.js';
import { latest, type Basis, type GrantCell, type PreferenceCell, type RecipientState } from './state.js';
import {
  ALL,
  CONFIRMATION_PURPOSE,
  SERVICE_PURPOSE,
  type Category,
  type Channel,
  type Requirement,
} from './vocabulary.js';

/** Names the edition of the rules below; it changes whenever one of them changes an answer. */
export const RULES_VERSION = '1';

/** May this business message this person on this channel for this purpose now? Category and requirement are the register's. */
export interface Question {
  readonly channel: Channel;
  readonly purpose: string;
  readonly category: Category;
  readonly requires: Requirement;
  readonly sender?: string;
  readonly now: Instant;
}

export const REASONS = [
  'VIEW_UNAVAILABLE',
  'VIEW_STALE',
  'VIEW_BEHIND',
  'STATE_UNREADABLE',
  'BLOCKED',
  'OPT_OUT_CONFIRMATION',
  'NO_RECENT_OPT_OUT',
  'SERVICE_WINDOW_OPEN',
  'SERVICE_WINDOW_CLOSED',
  'CONSENTED',
  'REVOKED',
  'NO_OBJECTION',
  'EXPIRED',
  'NO_CONSENT',
] as const;
export type Reason = (typeof REASONS)[number];

export interface Verdict {
  readonly eligible: boolean;
  readonly reason: Reason;
  readonly basis?: Basis;
  /** The first instant at which this yes no longer holds, if nothing new arrives before. */
  readonly validUntil?: Instant;
  readonly windowOpenUntil?: Instant;
}

/** The decision table, over a state already joined with those of linked recipients; the first match wins. */
export function judge(state: RecipientState, question: Question): Verdict {
  if (state.unreadable) return no('STATE_UNREADABLE', state.unreadable);
  const block = standingBlock(state, question.channel);
  if (block) return no('BLOCKED', block);
  const window = openWindow(state, question);
  const verdict = judgeReachable(state, question, window);
  if (window) verdict.windowOpenUntil = window.until;
  return verdict;
}

function judgeReachable(state: RecipientState, question: Question, window: Window | undefined): Draft {
  if (question.purpose === CONFIRMATION_PURPOSE) return judgeConfirmation(state, question);
  if (question.category === 'service') return judgeService(state, question, window);
  return judgeConsent(state, question);
}

function standingBlock(state: RecipientState, channel: Channel): Basis | undefined {
  let block: Basis | undefined;
  for (const cell of state.blocks) {
    if (cell.channel === channel || cell.channel === ALL) block = latest(block, cell);
  }
  if (!block) return undefined;
  const contact = lastContact(state, channel, undefined);
  return contact && contact.occurredAt > block.occurredAt ? undefined : block;
}

function judgeConfirmation(state: RecipientState, { channel, now }: Question): Draft {
  const confirmation = state.confirmations.find((cell) => cell.channel === channel)?.confirmation;
  const erasedSince = confirmation && state.erased && state.erased.occurredAt >= confirmation.occurredAt;
  if (!confirmation || erasedSince || now >= confirmation.until) return no('NO_RECENT_OPT_OUT');
  return yes('OPT_OUT_CONFIRMATION', confirmation, confirmation.until);
}

interface Window {
  readonly contact: Basis;
  readonly until: Instant;
}

/** The window counts only from a contact strictly later than every no that covers replies; the STOP itself is not. */
function openWindow(state: RecipientState, question: Question): Window | undefined {
  const contact = lastContact(state, question.channel, question.sender);
  if (!contact || isWindowOver(contact.occurredAt, question.now)) return undefined;
  const objection = latestObjection(state, replyTo(question));
  if (objection && contact.occurredAt <= objection.occurredAt) return undefined;
  return { contact, until: windowEnd(contact.occurredAt) };
}

/** What a free reply would be sent as: the purpose asked about where that is a reply, else the built-in one. */
function replyTo({ channel, purpose, category }: Question) {
  return { channel, purpose: category === 'service' ? purpose : SERVICE_PURPOSE, category: 'service' } as const;
}

function lastContact(state: RecipientState, channel: Channel, sender: string | undefined): Basis | undefined {
  let found: Basis | undefined;
  for (const cell of state.contacts) {
    if (cell.channel === channel && (sender === undefined || cell.sender === sender)) found = latest(found, cell);
  }
  return found;
}

function judgeService(state: RecipientState, question: Question, window: Window | undefined): Draft {
  const objection = latestObjection(state, question);
  const contact = lastContact(state, question.channel, question.sender);
  if (objection && !(contact && contact.occurredAt > objection.occurredAt)) return no('REVOKED', objection);
  return window ? yes('SERVICE_WINDOW_OPEN', window.contact, window.until) : no('SERVICE_WINDOW_CLOSED', contact);
}

function judgeConsent(state: RecipientState, question: Question): Draft {
  const requires = requirementOn(question.channel, question.category, question.requires);
  const objection = latestObjection(state, question);
  const longest = longestStanding(state, question, objection);
  if (longest && !hasExpired(longest, question.now)) return yes('CONSENTED', longest, longest.expiresAt);
  if (objection && !(requires === 'consent' && longest)) return no('REVOKED', objection);
  if (requires === 'no_objection') return yes('NO_OBJECTION');
  return longest ? no('EXPIRED', longest) : no('NO_CONSENT');
}

/** Of the covering grants strictly later than every covering no (on a tie the no wins) the one that lasts longest. */
function longestStanding(state: RecipientState, { channel, purpose }: Question, objection: Basis | undefined) {
  let longest: GrantCell | undefined;
  for (const grant of state.grants) {
    if (grant.channel !== channel || grant.purpose !== purpose) continue;
    if (objection !== undefined && grant.occurredAt <= objection.occurredAt) continue;
    if (longest === undefined || outlasts(grant, longest)) longest = grant;
  }
  return longest;
}

function outlasts(one: GrantCell, other: GrantCell): boolean {
  if (one.expiresAt === other.expiresAt) return latest(one, other) === one;
  return one.expiresAt === undefined || (other.expiresAt !== undefined && one.expiresAt > other.expiresAt);
}

function hasExpired(grant: GrantCell, now: Instant): boolean {
  return grant.expiresAt !== undefined && now >= grant.expiresAt;
}

/** The latest no that covers a purpose on a channel: revocation, a provider's own stop not resumed, or erasure. */
export function latestObjection(
  state: RecipientState,
  scope: { readonly channel: Channel; readonly purpose: string; readonly category: Category },
): Basis | undefined {
  let found: Basis | undefined = state.erased;
  for (const cell of state.revocations) {
    const onChannel = cell.channel === scope.channel || cell.channel === ALL;
    const ofPurpose = cell.purpose === scope.purpose || cell.category === scope.category || cell.category === ALL;
    if (onChannel && ofPurpose) found = latest(found, cell);
  }
  if (scope.category !== 'marketing') return found;
  for (const cell of state.preferences) {
    if (cell.channel === scope.channel) found = latest(found, standingStop(cell));
  }
  return found;
}

function standingStop({ stop, resume }: PreferenceCell): Basis | undefined {
  return stop && !(resume && resume.occurredAt > stop.occurredAt) ? stop : undefined;
}

type Draft = { -readonly [K in keyof Verdict]: Verdict[K] };

// Fields are set one by one where they are known: spreading them together is most of what a check would cost.
function yes(reason: Reason, basis?: Basis, validUntil?: Instant): Draft {
  const verdict = no(reason, basis);
  verdict.eligible = true;
  if (validUntil !== undefined) verdict.validUntil = validUntil;
  return verdict;
}

function no(reason: Reason, basis?: Basis): Draft {
  const verdict: Draft = { eligible: false, reason };
  if (basis !== undefined) verdict.basis = basis;
  return verdict;
}

/** One plain sentence for people, made of the reason and the question alone: no personal data can enter it. */
export function explain(reason: Reason, question: Pick<Question, 'channel' | 'purpose' | 'sender'>): string {
  const { channel, purpose, sender } = question;
  // With a sender only what was written to that one counts, and the person may well have written to another.
  const atSender = sender === undefined ? '' : ` (sender '${sender}')`;
  switch (reason) {
    case 'VIEW_UNAVAILABLE':
      return 'The ledger cannot look this recipient up at the moment, so the answer is no for now.';
    case 'VIEW_STALE':
      return 'The view has not proved that it is up to date, so the answer is no for now.';
    case 'VIEW_BEHIND':
      return 'The view has not reached the requested position yet, so the answer is no for now.';
    case 'STATE_UNREADABLE':
      return 'The record of this recipient holds something this version cannot read, so the answer is no.';
    case 'BLOCKED':
      return `The recipient blocked this business on ${channel} and has not written there since.`;
    case 'OPT_OUT_CONFIRMATION':
      return `The recipient opted out on ${channel} moments ago; one confirmation may be sent.`;
    case 'NO_RECENT_OPT_OUT':
      return `There is no opt-out on ${channel} in the last minutes that a confirmation could answer.`;
    case 'SERVICE_WINDOW_OPEN':
      return `The recipient wrote or called on ${channel}${atSender} within the last 24 hours, so a reply is allowed.`;
    case 'SERVICE_WINDOW_CLOSED':
      return `The recipient has not written or called on ${channel}${atSender} within the last 24 hours.`;
    case 'CONSENTED':
      return `The recipient agreed to '${purpose}' on ${channel} and has not withdrawn it.`;
    case 'REVOKED':
      return `An opt-out, an erasure or a change of number stands against '${purpose}' on ${channel}, and nothing later allows it.`;
    case 'NO_OBJECTION':
      return `No consent is needed for '${purpose}' on ${channel}, and the recipient has not objected.`;
    case 'EXPIRED':
      return `The recipient's agreement to '${purpose}' on ${channel} has expired.`;
    case 'NO_CONSENT':
      return `The recipient has never agreed to '${purpose}' on ${channel}.`;
  }
}
