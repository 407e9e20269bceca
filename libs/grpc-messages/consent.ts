import { DISCLOSURE_REF, RECIPIENT, type DisclosureRef, type Recipient } from './decision.js';
import { always, bool, instant, message, messages, MessageType, text, textMap, texts } from './message-type.js';

/** When a person acted; absent: now. */
interface ActedAt {
  readonly occurredAt?: string;
  /** Instead of it where less than an instant is known, as ISO-8601: `2026-03-01`, or `2026-03-01T10:00:00Z`. */
  readonly occurredAtText?: string;
}

export interface GrantRequest extends ActedAt {
  readonly businessId: string;
  readonly recipient?: Recipient;
  readonly channels?: readonly string[];
  readonly purposes?: readonly string[];
  readonly categories?: readonly string[];
  readonly method?: string;
  readonly disclosure?: DisclosureRef;
  readonly evidence?: Readonly<Record<string, string>>;
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
  occurredAt: instant(9),
  expiresAt: instant(10),
  occurredAtText: text(11),
});

export interface RevokeRequest extends ActedAt {
  readonly businessId: string;
  readonly recipient?: Recipient;
  readonly channels?: readonly string[];
  readonly purposes?: readonly string[];
  readonly categories?: readonly string[];
  readonly method?: string;
  readonly reason?: string;
}

export const REVOKE_REQUEST = new MessageType<RevokeRequest>({
  businessId: always(text(1), ''),
  recipient: message(2, RECIPIENT),
  channels: texts(3),
  purposes: texts(4),
  categories: texts(5),
  method: text(6),
  reason: text(7),
  occurredAt: instant(8),
  occurredAtText: text(9),
});

export interface RecordMessageRequest extends ActedAt {
  readonly businessId: string;
  readonly recipient?: Recipient;
  readonly channel?: string;
  readonly sender?: string;
  readonly messageId?: string;
  readonly kind?: string;
}

export const RECORD_MESSAGE_REQUEST = new MessageType<RecordMessageRequest>({
  businessId: always(text(1), ''),
  recipient: message(2, RECIPIENT),
  channel: text(3),
  sender: text(4),
  messageId: text(5),
  kind: text(6),
  occurredAt: instant(7),
  occurredAtText: text(8),
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
