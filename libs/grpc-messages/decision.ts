import { always, bool, instant, message, messages, MessageType, text, uint } from './message-type.js';

/** A person by exactly one address. */
export interface Recipient {
  readonly phone?: string;
  readonly email?: string;
  readonly whatsappUserId?: string;
  readonly recipientId?: string;
}

export const RECIPIENT = new MessageType<Recipient>({
  phone: text(1),
  email: text(2),
  whatsappUserId: text(3),
  recipientId: text(4),
});

export interface DisclosureRef {
  readonly id: string;
  readonly version: number;
}

export const DISCLOSURE_REF = new MessageType<DisclosureRef>({ id: always(text(1), ''), version: always(uint(2), 0) });

/** The event that a decision rests on. Instants are texts: `2026-11-24T21:57:14.000Z`. */
export interface Basis {
  readonly eventId: string;
  readonly type: string;
  readonly stream: string;
  readonly revision: string;
  readonly occurredAt: string;
  readonly recordedAt: string;
  readonly method?: string;
  readonly disclosure?: DisclosureRef;
}

export const BASIS = new MessageType<Basis>({
  eventId: always(text(1), ''),
  type: always(text(2), ''),
  stream: always(text(3), ''),
  revision: always(text(4), ''),
  occurredAt: instant(5),
  recordedAt: instant(6),
  method: text(7),
  disclosure: message(8, DISCLOSURE_REF),
});

/** May this business message this person on this channel for this purpose now? */
export interface Decision {
  readonly eligible: boolean;
  readonly reason: string;
  readonly explanation: string;
  readonly recipientId: string;
  readonly channel: string;
  readonly purpose: string;
  readonly category: string;
  readonly basis?: Basis;
  /** Bounds a yes, if nothing new arrives before. */
  readonly validUntil?: string;
  readonly windowOpenUntil?: string;
  readonly retryAfterMs?: number;
  readonly position: string;
  readonly decidedAt: string;
  readonly policyVersion: string;
  readonly rulesVersion: string;
}

export const DECISION = new MessageType<Decision>({
  eligible: bool(1),
  reason: always(text(2), ''),
  explanation: always(text(3), ''),
  recipientId: always(text(4), ''),
  channel: always(text(5), ''),
  purpose: always(text(6), ''),
  category: always(text(7), ''),
  basis: message(8, BASIS),
  validUntil: instant(9),
  windowOpenUntil: instant(10),
  retryAfterMs: uint(11),
  position: always(text(12), ''),
  decidedAt: instant(13),
  policyVersion: always(text(14), ''),
  rulesVersion: always(text(15), ''),
});

export interface FieldError {
  readonly field: string;
  readonly code: string;
  readonly message: string;
}

/** What is wrong with one item of a batch. */
export interface Problem {
  readonly code: string;
  readonly title: string;
  readonly detail: string;
  readonly errors?: readonly FieldError[];
}

const FIELD_ERROR = new MessageType<FieldError>({
  field: always(text(1), ''),
  code: always(text(2), ''),
  message: always(text(3), ''),
});

export const PROBLEM = new MessageType<Problem>({
  code: always(text(1), ''),
  title: always(text(2), ''),
  detail: always(text(3), ''),
  errors: messages(4, FIELD_ERROR),
});
