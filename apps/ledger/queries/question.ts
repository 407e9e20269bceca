import { CHANNELS, isOneOf, purposeOf, senderOf, type BusinessState, type Question } from '#consent';
import { Refusal } from '#platform';

/** A question without its instant: what stays the same for every recipient asked about. */
export type Topic = Omit<Question, 'now'>;

const topics = new WeakMap<BusinessState, Map<string, Topic | Refusal>>();

/**
 * Category and requirement come from the register, never from the caller. Kept per register, since a sender asks the
 * same few questions millions of times; a changed register is another object and starts anew.
 */
export function topicOf(
  state: BusinessState,
  channel: string | undefined,
  purpose: string | undefined,
  sender: string | undefined,
): Topic | Refusal {
  const key = `${channel} ${purpose} ${sender ?? ''}`;
  let known = topics.get(state);
  if (!known) topics.set(state, (known = new Map()));
  let topic = known.get(key);
  if (!topic) {
    topic = makeTopic(state, channel, purpose, sender);
    if (!(topic instanceof Refusal)) known.set(key, topic);
  }
  return topic;
}

function makeTopic(
  state: BusinessState,
  channel: string | undefined,
  purposeId: string | undefined,
  senderId: string | undefined,
): Topic | Refusal {
  if (!isOneOf(CHANNELS, channel)) return fault('CHANNEL_UNKNOWN', 'channel', `Use one of ${CHANNELS.join(', ')}.`);
  const purpose = purposeId === undefined ? undefined : purposeOf(state, purposeId);
  if (!purpose) return fault('PURPOSE_NOT_FOUND', 'purpose', 'Use a purpose that the business has registered.');
  if (purpose.retired) return fault('PURPOSE_RETIRED', 'purpose', 'The purpose was retired; use another one.');
  const { category, requires } = purpose;
  if (senderId === undefined) return { channel, purpose: purpose.purposeId, category, requires };
  const sender = senderOf(state, senderId);
  if (sender?.channel !== channel) {
    return fault('SENDER_NOT_FOUND', 'sender', 'Use a sender that the business has registered on this channel.');
  }
  return { channel, purpose: purpose.purposeId, category, requires, sender: senderId };
}

function fault(
  code: 'CHANNEL_UNKNOWN' | 'PURPOSE_NOT_FOUND' | 'PURPOSE_RETIRED' | 'SENDER_NOT_FOUND',
  field: string,
  message: string,
): Refusal {
  return new Refusal(code, message, { errors: [{ field, code, message }] });
}
