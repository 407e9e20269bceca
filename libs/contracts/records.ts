import type {
  All,
  Category,
  Channel,
  GrantMethod,
  Instant,
  LinkKind,
  MessageKind,
  Policy,
  Requirement,
  RevocationMethod,
} from '#consent';

/**
 * The values of the records on Kafka, as `docs/kafka.md` explains them. Consumers ignore members they do not know and
 * answer no where a value cannot be read; so a member may be added within a major version, and none changes or goes.
 */

/** An event as other services are told of it: what it says about consent, and nothing personal. */
export interface ChangeRecord {
  /** Empty where the ledger could not read it, as in an event of a shape that it does not know. */
  readonly businessId: string;
  /** Whose consent it touches: the record's key. On an opt-out told under a linked key, the linked recipient. */
  readonly recipientId: string;
  readonly eventId: string;
  /** The event's name, e.g. `ConsentRevoked`. A consumer that does not know it treats its recipient as unreadable. */
  readonly type: string;
  /** Set where the ledger itself could not read the event, whatever its name: its recipient is denied. */
  readonly unreadable?: true;
  readonly channels: readonly (Channel | All)[];
  readonly purposes: readonly string[];
  readonly categories: readonly (Category | All)[];
  /** Null where the event has none. */
  readonly method: GrantMethod | RevocationMethod | null;
  readonly occurredAt: Instant;
  readonly recordedAt: Instant;
  readonly expiresAt?: Instant;
  readonly sender?: string;
  /** Of a message. */
  readonly kind?: MessageKind;
  /** Of a revocation that may be confirmed to the person until then. */
  readonly confirmUntil?: Instant;
  /** Of a link: the other recipient, how they belong together, and what this one is to a changed number. */
  readonly link?: { readonly recipientId: string; readonly kind?: LinkKind; readonly role?: 'old' | 'new' };
  /** Set on an opt-out told under a linked key: whose stream the event stands in. */
  readonly linkedFrom?: string;
}

/** The whole folded state of one recipient, without what only explains an answer. */
export interface StateRecord {
  /** Empty where the ledger could not read it. */
  readonly businessId: string;
  readonly recipientId: string;
  /** Of the copy that the state was read from: everything up to here is in it. */
  readonly position: string;
  readonly erased: boolean;
  readonly unreadable: boolean;
  readonly grants: readonly {
    readonly channel: Channel;
    readonly purpose: string;
    readonly occurredAt: Instant;
    readonly eventId: string;
    readonly expiresAt?: Instant;
  }[];
  readonly revocations: readonly {
    readonly channel: Channel | All;
    readonly purpose?: string;
    readonly category?: Category | All;
    readonly occurredAt: Instant;
    readonly eventId: string;
  }[];
  readonly preferences: readonly {
    readonly channel: Channel;
    readonly sender: string;
    /** The id of an event stands beside its instant, always both or neither. */
    readonly stoppedAt?: Instant;
    readonly stopEventId?: string;
    readonly resumedAt?: Instant;
    readonly resumeEventId?: string;
  }[];
  readonly blocks: readonly {
    readonly channel: Channel | All;
    readonly occurredAt: Instant;
    readonly eventId: string;
  }[];
  readonly contacts: readonly {
    readonly channel: Channel;
    readonly sender: string;
    readonly occurredAt: Instant;
    readonly eventId: string;
  }[];
  readonly confirmations: readonly {
    readonly channel: Channel | All;
    readonly until: Instant;
    readonly eventId: string;
    /** When the opt-out that may be confirmed happened. */
    readonly occurredAt: Instant;
  }[];
  readonly links: readonly {
    readonly recipientId: string;
    /** Absent where only an unlinking is known. */
    readonly kind?: LinkKind;
    readonly role?: 'old' | 'new';
    readonly linkedAt?: Instant;
    readonly linkEventId?: string;
    readonly unlinkedAt?: Instant;
    readonly unlinkEventId?: string;
  }[];
  /** When the person was erased, and by which event; both set where `erased` is true. */
  readonly erasedAt?: Instant;
  readonly erasureEventId?: string;
  /** Which event could not be read, and since when; both set where `unreadable` is true. */
  readonly unreadableAt?: Instant;
  readonly unreadableEventId?: string;
}

/** A business's register as far as a decision needs it. */
export interface CatalogueRecord {
  readonly businessId: string;
  /** Of the business's stream; also the policy version of answers. */
  readonly revision: string;
  /** True where this version of the ledger could not read all of the register: nobody of the business is eligible. */
  readonly unreadable: boolean;
  readonly purposes: readonly {
    readonly purposeId: string;
    readonly category: Category;
    readonly requires: Requirement;
    readonly retired: boolean;
  }[];
  readonly senders: readonly { readonly senderId: string; readonly channel: Channel; readonly retired: boolean }[];
  readonly policy: Policy;
}

/** Proof of how far one partition of the opt-out topic is: one record per partition and second. */
export interface WatermarkRecord {
  readonly topic: string;
  readonly partition: number;
  /** Every opt-out up to this position of the ledger, as far as it belongs in the partition, is in it. */
  readonly position: string;
  /** The relay had reached what was the ledger's end at this instant, by the relay's clock. */
  readonly time: Instant;
  /** The offset after the last opt-out of the partition: whoever has consumed up to here has them all. Decimal. */
  readonly offset: string;
}
