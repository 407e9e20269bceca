import { purposeOf, senderOf, type BusinessState } from './business.js';
import type { Refused } from './decide-business.js';
import { judge, type Question, type Verdict } from './eligibility.js';
import type { Instant } from './instant.js';
import { EMPTY_STATE, type RecipientState } from './state.js';
import { CHANNELS, isOneOf } from './vocabulary.js';

/** A question without its instant: what stays the same for every recipient asked about. */
export type Topic = Omit<Question, 'now'>;

export type TopicRefusal = 'CHANNEL_UNKNOWN' | 'PURPOSE_NOT_FOUND' | 'PURPOSE_RETIRED' | 'SENDER_NOT_FOUND';

/** What somebody asks about, as it was written: nothing of it is checked yet. */
export interface AskedTopic {
  readonly channel?: string | undefined;
  readonly purpose?: string | undefined;
  readonly sender?: string | undefined;
}

/** Category and requirement come from the register, never from whoever asks. */
export function topicUnder(register: BusinessState, asked: AskedTopic): Topic | Refused<TopicRefusal> {
  const { channel, purpose: purposeId, sender: senderId } = asked;
  if (!isOneOf(CHANNELS, channel)) return { refused: 'CHANNEL_UNKNOWN', field: 'channel' };
  const purpose = purposeId === undefined ? undefined : purposeOf(register, purposeId);
  if (!purpose) return { refused: 'PURPOSE_NOT_FOUND', field: 'purpose' };
  if (purpose.retired) return { refused: 'PURPOSE_RETIRED', field: 'purpose' };
  const topic = { channel, purpose: purpose.purposeId, category: purpose.category, requires: purpose.requires };
  if (senderId === undefined) return topic;
  const isHere = senderOf(register, senderId)?.channel === channel;
  return isHere ? { ...topic, sender: senderId } : { refused: 'SENDER_NOT_FOUND', field: 'sender' };
}

/**
 * Asked at an instant. Field by field: spread and then added to, each question would have a shape of its own, and V8 would
 * look up the slow way whatever the rules read of it.
 */
export function questionAt({ channel, purpose, category, requires, sender }: Topic, now: Instant): Question {
  const question: { -readonly [K in keyof Question]: Question[K] } = { channel, purpose, category, requires, now };
  if (sender !== undefined) question.sender = sender;
  return question;
}

/**
 * The verdict on a recipient of whom nothing may be known. A register that cannot be read in full may have changed the
 * rules of this very purpose: doubt means no.
 */
export function judgeUnder(
  register: BusinessState | undefined,
  state: RecipientState | undefined,
  question: Question,
): Verdict {
  if (register?.unreadable) return { eligible: false, reason: 'STATE_UNREADABLE' };
  return judge(state ?? EMPTY_STATE, question);
}
