/** Personal parts of an event, encrypted under the recipient's own data key. Only `open` can read it. */
export interface Sealed {
  readonly v: 1;
  /** One ciphertext per field: base64url of nonce ‖ ciphertext ‖ tag (AES-256-GCM, authenticated with event id and field). */
  readonly fields: Readonly<Record<string, string>>;
  /** Which of the recipient's keys, counted from 1; absent: the first. Each erasure ends one key's life. */
  readonly life?: number;
}

export const SCOPES = ['consent:write', 'eligibility:read', 'audit:read', 'personal:read', 'business:admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** An API key as it is kept: the secret only as its SHA-256. */
export interface ApiKey {
  readonly keyId: string;
  /** Undefined: for all businesses. */
  readonly businessId?: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly secretSha256: string;
  readonly createdAt: string;
}

/** A part of a provider's delivery that could not be turned into commands yet; its body is sealed. */
export interface Unrouted {
  readonly id: string;
  readonly provider: string;
  /** Why it was kept: `unknown_sender`, `unsupported_type`, `unreadable`. */
  readonly reason: string;
  /** What it is, without personal data: a field or message type as far as it is a known word. */
  readonly kind: string;
  /** The provider's id of the sender it came in for, by which binding that sender replays it. Kept, like `kind`, as plain text. */
  readonly providerId?: string;
  readonly receivedAt: string;
}

/** An erasure that was announced and of which the vault does not know that it was carried out. */
export interface AnnouncedErasure {
  readonly recipientId: string;
  /** Of the `RecipientErased` in the ledger, if it came so far. */
  readonly eventId: string;
  /** The recipient has a younger key than when it was announced: the one meant is destroyed already. */
  readonly isOver: boolean;
}

/**
 * Keys and everything that is readable only through them. All writes are durable (fsync) when they resolve. Rejects
 * with `VaultUnavailable` where the store behind it cannot be reached.
 */
export interface Vault {
  /** The vault's own id, whose fingerprint the ledger notes: a second vault over the same ledger is refused. */
  readonly vaultId: string;
  /** Why nothing can be written, as far as is known without trying. */
  readonly problem: string | undefined;
  /** Makes the recipient's data key if there is none (durably, before anything is sealed under it). */
  seal(recipientId: string, eventId: string, personal: Readonly<Record<string, string>>): Promise<Sealed>;
  /** Undefined where the key was destroyed or never was; throws `SealInvalid` where the ciphertext is not what was sealed. */
  open(recipientId: string, eventId: string, sealed: Sealed): Promise<Readonly<Record<string, string>> | undefined>;

  /**
   * A keyed hash by which the same value is known again, under the recipient's own key: once that is destroyed nobody
   * can test what the value may have been. Equal JSON, whatever the order of its keys, gives equal text.
   */
  fingerprint(recipientId: string, value: unknown): Promise<string>;
  /** Whether nothing was ever kept here: a vault just made, beside a ledger just begun. */
  isEmpty(): Promise<boolean>;

  /** Notes that the recipient's key is to be destroyed once this event is in the ledger. Idempotent. */
  announceErasure(recipientId: string, eventId: string): Promise<void>;
  /**
   * Destroys the recipient's data key, once for each event: when it resolves, what was sealed under the key can be opened
   * by nobody, and neither the file nor its log nor this process's memory holds it; what a database server keeps for a
   * while is in docs/operations/erasure.md. False where that was done for the
   * event before: a key that was made since lives on. Rejects with `VaultUnavailable` also where others, such as a backup,
   * hold the log too long; the key may be gone then, and calling again ends it.
   */
  eraseRecipient(recipientId: string, eventId: string): Promise<boolean>;
  listAnnouncedErasures(): Promise<readonly AnnouncedErasure[]>;
  /** Takes back what was announced and not carried out; where several processes share the vault, not within a minute. */
  withdrawErasure(eventId: string): Promise<void>;

  /** Puts a new key, or replaces the one with the same id. */
  putApiKey(key: ApiKey): Promise<void>;
  deleteApiKey(keyId: string): Promise<boolean>;
  findApiKey(keyId: string): Promise<ApiKey | undefined>;
  /** Those of one business; undefined: those that are for all businesses. Oldest first. */
  listApiKeys(businessId: string | undefined): Promise<readonly ApiKey[]>;

  /** Keeps all items or none; an id that is there already stays as it is. Bodies are sealed under a key of the vault's own. */
  keepUnrouted(items: readonly { readonly entry: Unrouted; readonly body: string }[]): Promise<void>;
  /** In the order of their ids, after the one named, which need not be there any more. */
  listUnrouted(options: { readonly after?: string; readonly limit: number }): Promise<readonly Unrouted[]>;
  /** The items of one sender, oldest first. */
  listUnroutedOf(provider: string, providerId: string, limit: number): Promise<readonly Unrouted[]>;
  /** Undefined where there is none; throws `SealInvalid` where its body is not what was sealed. */
  openUnrouted(id: string): Promise<{ readonly entry: Unrouted; readonly body: string } | undefined>;
  dropUnrouted(ids: readonly string[]): Promise<void>;
  /** Drops what is older and answers how many. */
  dropUnroutedBefore(receivedAt: string): Promise<number>;

  close(): Promise<void>;
}

export class VaultUnavailable extends Error {
  readonly code = 'VAULT_UNAVAILABLE';
}

/** What was to be opened is not what was sealed: another key, another place, or altered bytes. */
export class SealInvalid extends Error {
  readonly code = 'SEAL_INVALID';
  constructor() {
    super('the ciphertext is not what was sealed');
  }
}
