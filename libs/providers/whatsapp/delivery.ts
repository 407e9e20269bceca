import type { Instant, OptOut } from '#consent';

/** A person as a webhook names them: by phone, by Meta's business-scoped user id, or by both. */
export type PersonAddress =
  | { readonly kind: 'phone'; /** As WhatsApp writes it: country code first, no `+`. */ readonly digits: string }
  | { readonly kind: 'whatsapp_user_id'; /** `US.1349…`, as given. */ readonly value: string };

/** The person wrote to a sender, or tapped its button; where `optOut` is set, what they said so was an opt-out. */
export interface MessageFact {
  readonly kind: 'message';
  /** Meta's `phone_number_id` of the sender that was written to. */
  readonly providerId: string;
  /**
   * The `wamid`, which is the key of the commands made from this fact. It carries the person's number in base64, so it
   * is personal data. An opt-out that came without one has `sha256:…` of the message instead: it must not be lost.
   */
  readonly messageId: string;
  /** The second in which the person wrote. Undefined only for an opt-out whose time cannot be read. */
  readonly claimedSecond: Instant | undefined;
  /** At least one; the phone first where both are known. */
  readonly addresses: readonly [PersonAddress, ...PersonAddress[]];
  readonly optOut?: OptOut;
  /** Set where the opt-out was a tap on the button of a template, whose text is then `text`. */
  readonly isButton?: true;
  /** The text, only where it is the opt-out: no other text is kept. */
  readonly text?: string;
}

export type Fact = MessageFact;

/** A person whom a message, or the status of one, names by number and by user id at once. */
export interface SamePerson {
  readonly providerId: string;
  /** The `wamid`, or `sha256:…` of the delivery where there is none: the same however often it is delivered. */
  readonly messageId: string;
  /** The second of the message or status; undefined where it cannot be read. */
  readonly claimedSecond: Instant | undefined;
  readonly phone: Extract<PersonAddress, { kind: 'phone' }>;
  readonly userId: Extract<PersonAddress, { kind: 'whatsapp_user_id' }>;
}

export type UnroutedReason = 'unsupported_type' | 'unreadable' | 'unknown_sender';

/** A part of a delivery that no command was made from. It is kept, so that it can be read again later. */
export interface Part {
  /**
   * base64url of a SHA-256 over the part (43 characters): the same part delivered again has the same id. It is not
   * keyed, so whoever shows it outside must hash it with a key first.
   */
  readonly id: string;
  readonly reason: UnroutedReason;
  /** What it is, in words of this lib alone: `message:image`, `status:131050`, `field:account_update`, `unknown`. */
  readonly kind: string;
  /** Meta's `phone_number_id`, where the part names one. */
  readonly providerId?: string;
  /** The smallest delivery that holds this part, as JSON: `readDelivery` reads it again. Personal data. */
  readonly body: string;
}

/**
 * What one webhook delivery said. Every message, status and preference in it stands in exactly one of `facts`, `unrouted`
 * and `ignored`; whom it names stands in `samePeople` besides.
 */
export interface Delivery {
  readonly facts: readonly Fact[];
  /** Each once, as the first that names them both says it. */
  readonly samePeople: readonly SamePerson[];
  readonly unrouted: readonly Part[];
  /** How many statuses of each kind said nothing about consent. */
  readonly ignored: Readonly<Record<string, number>>;
  /** Set where the body as a whole is not a delivery; it is then the one unrouted part. */
  readonly unreadable?: true;
}
