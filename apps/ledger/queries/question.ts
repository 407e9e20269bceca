import { CHANNELS, topicUnder, type AskedTopic, type BusinessState, type Topic, type TopicRefusal } from '#consent';
import { Refusal } from '#platform';

type Topics = Map<string | undefined, Topic>;

/** By register, then channel and purpose, then sender. */
const topics = new WeakMap<BusinessState, Map<string | undefined, Map<string | undefined, Topics>>>();

/**
 * What a caller asks about, checked. Kept per register, since a sender asks the same few questions millions of times; a
 * changed register is another object and starts anew.
 */
export function topicOf(
  state: BusinessState,
  channel: string | undefined,
  purpose: string | undefined,
  sender: string | undefined,
): Topic | Refusal {
  const known = topics.get(state)?.get(channel)?.get(purpose)?.get(sender);
  if (known) return known;
  const topic = makeTopic(state, { channel, purpose, sender });
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

function makeTopic(state: BusinessState, asked: AskedTopic): Topic | Refusal {
  const topic = topicUnder(state, asked);
  if (!('refused' in topic)) return topic;
  const { refused, field } = topic;
  const message = REMEDIES[refused];
  return new Refusal(refused, message, { errors: [{ field, code: refused, message }] });
}

const REMEDIES: Readonly<Record<TopicRefusal, string>> = {
  CHANNEL_UNKNOWN: `Use one of ${CHANNELS.join(', ')}.`,
  PURPOSE_NOT_FOUND: 'Use a purpose that the business has registered.',
  PURPOSE_RETIRED: 'The purpose was retired; use another one.',
  SENDER_NOT_FOUND: 'Use a sender that the business has registered on this channel.',
};
