import { CHANNELS, isOneOf, type Channel } from '#consent';
import { Refusal, satisfies } from '#platform';

/**
 * A text where a channel is asked for, documented as the five there are. Whether it is one of them says `knownChannel`,
 * since a channel that does not exist has a code of its own, and a DTO knows only `VALIDATION_FAILED`.
 */
export function IsChannelName(each: { readonly each?: boolean } = {}): PropertyDecorator {
  const check = (value: unknown) => typeof value === 'string';
  const schema = { type: 'string', enum: CHANNELS };
  return satisfies({ name: 'isChannelName', check, message: 'Must be the name of a channel.', schema }, each);
}

/** The channel of that name; throws `CHANNEL_UNKNOWN` where there is none. */
export function knownChannel(channel: string, field: string): Channel {
  if (isOneOf(CHANNELS, channel)) return channel;
  const message = `Use ${CHANNELS.join(', ')}.`;
  throw new Refusal('CHANNEL_UNKNOWN', message, { errors: [{ field, code: 'CHANNEL_UNKNOWN', message }] });
}
