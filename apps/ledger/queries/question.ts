import { CHANNELS, isOneOf, purposeOf, senderOf, type BusinessState, type Question } from '#consent';
import { Refusal } from '#platform';

/** A question without its instant: what stays the same for every recipient asked about. */
export type Topic = Omit<Question, 'now'>;

type Topics = Map<string | undefined, Topic>;

/** By register, then channel and purpose, then sender. */
const topics = new WeakMap<BusinessState, Map<string | undefined, Map<string | undefined, Topics>>>();

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
  const known = topics.get(state)?.get(channel)?.get(purpose)?.get(sender);
  if (known) return known;
  const topic = makeTopic(state, channel, purpose, sender);
  if (!(topic instanceof Refusal)) remember(state, topic);
  return topic;
}

/** Only topics that exist are kept, so callers cannot fill the memory with questions that make no sense. */
function remember(state: BusinessState, topic: Topic): void {
  const byChannel = topics.get(state) ?? new Map<string | undefined, Map<string | undefined, Topics>>();
  const byPurpose = byChannel.get(topic.channel) ?? new Map<string | undefined, Topics>();
  const bySender: Topics = byPurpose.get(topic.purpose) ?? new Map<string | undefined, Topic>();
  topics.set(state, byChannel.set(topic.channel, byPurpose.set(topic.purpose, bySender.set(topic.sender, topic))));
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
