import { DISCLOSURE_REF, RECIPIENT, type DisclosureRef, type Recipient } from './decision.js';
import { always, bool, instant, message, messages, MessageType, text, textMap, texts } from './message-type.js';

/** When a person acted: an instant, or ISO-8601 text where less is known. */
export interface ActedAt {
  readonly instant?: string;
  readonly text?: string;
}

export const ACTED_AT = new MessageType<ActedAt>({ instant: instant(1), text: text(2) });

export interface GrantRequest {
  readonly businessId: string;
  readonly recipient?: Recipient;
  readonly channels?: readonly string[];
  readonly purposes?: readonly string[];
  readonly categories?: readonly string[];
  readonly method?: string;
  readonly disclosure?: DisclosureRef;
  readonly evidence?: Readonly<Record<string, string>>;
  readonly occurredAt?: ActedAt;
  readonly expiresAt?: string;
}

export const GRANT_REQUEST = new MessageType<GrantRequest>({
  businessId: always(text(1), ''),
  recipient: message(2, RECIPIENT),
  channels: texts(3),
  purposes: texts(4),
  categories: texts(5),
  method: text(6),
  disclosure: message(7, DISCLOSURE_REF),
  evidence: textMap(8),
  occurredAt: message(9, ACTED_AT),
  expiresAt: instant(10),
});

export interface RevokeRequest {
  readonly businessId: string;
  readonly recipient?: Recipient;
  readonly channels?: readonly string[];
  readonly purposes?: readonly string[];
  readonly categories?: readonly string[];
  readonly method?: string;
  readonly reason?: string;
  readonly occurredAt?: ActedAt;
}

export const REVOKE_REQUEST = new MessageType<RevokeRequest>({
  businessId: always(text(1), ''),
  recipient: message(2, RECIPIENT),
  channels: texts(3),
  purposes: texts(4),
  categories: texts(5),
  method: text(6),
  reason: text(7),
  occurredAt: message(8, ACTED_AT),
});

export interface RecordMessageRequest {
  readonly businessId: string;
  readonly recipient?: Recipient;
  readonly channel?: string;
  readonly sender?: string;
  readonly messageId?: string;
  readonly kind?: string;
  readonly occurredAt?: ActedAt;
}

export const RECORD_MESSAGE_REQUEST = new MessageType<RecordMessageRequest>({
  businessId: always(text(1), ''),
  recipient: message(2, RECIPIENT),
  channel: text(3),
  sender: text(4),
  messageId: text(5),
  kind: text(6),
  occurredAt: message(7, ACTED_AT),
});

export interface Warning {
  readonly field: string;
  readonly message: string;
}

const WARNING = new MessageType<Warning>({ field: always(text(1), ''), message: always(text(2), '') });

/** What a command answers once its event is durable. */
export interface CommandAnswer {
  readonly eventId: string;
  readonly type: string;
  readonly recipientId: string;
  readonly stream: string;
  readonly revision: string;
  readonly position: string;
  readonly occurredAt: string;
  readonly recordedAt: string;
  readonly effective: boolean;
  readonly ineffectiveBecause?: string;
  readonly warnings?: readonly Warning[];
}

export const COMMAND_ANSWER = new MessageType<CommandAnswer>({
  eventId: always(text(1), ''),
  type: always(text(2), ''),
  recipientId: always(text(3), ''),
  stream: always(text(4), ''),
  revision: always(text(5), ''),
  position: always(text(6), ''),
  occurredAt: instant(7),
  recordedAt: instant(8),
  effective: bool(9),
  ineffectiveBecause: text(10),
  warnings: messages(11, WARNING),
});

/** Of Grant, Revoke and RecordMessage alike. */
export interface CommandResponse {
  readonly answer?: CommandAnswer;
}

export const COMMAND_RESPONSE = new MessageType<CommandResponse>({ answer: message(1, COMMAND_ANSWER) });
