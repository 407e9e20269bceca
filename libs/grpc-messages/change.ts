import { always, bool, instant, message, MessageType, text, texts } from './message-type.js';

export interface WatchRequest {
  readonly businessId: string;
  /** Exclusive; `start` for everything, absent for what comes. */
  readonly fromPosition?: string;
}

export const WATCH_REQUEST = new MessageType<WatchRequest>({ businessId: always(text(1), ''), fromPosition: text(2) });

export interface ChangeLink {
  readonly recipientId: string;
  readonly kind?: string;
  readonly role?: string;
}

const LINK = new MessageType<ChangeLink>({ recipientId: always(text(1), ''), kind: text(2), role: text(3) });

/** One event of the ledger. */
export interface Change {
  readonly businessId: string;
  readonly recipientId: string;
  readonly eventId: string;
  /** Of a recipient with an event of an unknown type, or an unreadable one, nothing is known. */
  readonly type: string;
  readonly unreadable?: boolean;
  readonly channels?: readonly string[];
  readonly purposes?: readonly string[];
  readonly categories?: readonly string[];
  readonly method?: string;
  readonly occurredAt: string;
  readonly recordedAt: string;
  readonly expiresAt?: string;
  readonly sender?: string;
  readonly kind?: string;
  readonly confirmUntil?: string;
  readonly link?: ChangeLink;
}

export const CHANGE = new MessageType<Change>({
  businessId: always(text(1), ''),
  recipientId: always(text(2), ''),
  eventId: always(text(3), ''),
  type: always(text(4), ''),
  unreadable: bool(5),
  channels: texts(6),
  purposes: texts(7),
  categories: texts(8),
  method: text(9),
  occurredAt: instant(10),
  recordedAt: instant(11),
  expiresAt: instant(12),
  sender: text(13),
  kind: text(14),
  confirmUntil: instant(15),
  link: message(16, LINK),
});

/** Everything acknowledged at the instant has been told; without one that is not proved. */
export interface Watermark {
  readonly at?: string;
}

const WATERMARK = new MessageType<Watermark>({ at: instant(1) });

export interface WatchResponse {
  /** Everything up to here has been told. */
  readonly position: string;
  readonly change?: Change;
  readonly watermark?: Watermark;
}

export const WATCH_RESPONSE = new MessageType<WatchResponse>({
  position: always(text(1), ''),
  change: message(2, CHANGE),
  watermark: message(3, WATERMARK),
});
