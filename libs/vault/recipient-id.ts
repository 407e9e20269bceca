import { createHmac } from 'node:crypto';
import { type AddressKind } from '#consent';
import { KeyedHash } from './keyed-hash.js';

const RECIPIENT_KEY_LABEL = 'consent-ledger/recipient-key/v1:';
const COMMAND_LABEL = 'consent-ledger/command-id/v1';
const EVENT_LABEL = 'consent-ledger/event-id/v1';
const FINGERPRINT_LABEL = 'consent-ledger/request-fingerprint/v1';
const DEFAULT_MAX_BUSINESSES = 10_000;

/** The business's own key Kb, 32 bytes: whoever holds it can test addresses against its recipient ids. */
export function recipientKey(pepper: Uint8Array, businessId: string): Buffer {
  return createHmac('sha256', pepper).update(`${RECIPIENT_KEY_LABEL}${businessId}`).digest();
}

/**
 * Every id that the service derives, all of them keyed by the pepper: the same facts always give the same id, and
 * nobody without the pepper can guess one from a phone number or turn it back. A use has a key of its own.
 */
export class RecipientIds {
  private readonly keys = new Map<string, KeyedHash>();
  private readonly commands: KeyedHash;
  private readonly events: KeyedHash;
  private readonly requests: KeyedHash;

  constructor(
    private readonly pepper: Uint8Array,
    private readonly maxBusinesses = DEFAULT_MAX_BUSINESSES,
  ) {
    this.commands = new KeyedHash(derived(pepper, COMMAND_LABEL));
    this.events = new KeyedHash(derived(pepper, EVENT_LABEL));
    this.requests = new KeyedHash(derived(pepper, FINGERPRINT_LABEL));
  }

  /** base64url(HMAC-SHA-256(Kb, kind ‖ ":" ‖ key form)), 43 characters. */
  recipientId(businessId: string, kind: AddressKind, keyForm: string): string {
    return this.keyOf(businessId).digest(`${kind}:${keyForm}`, 'base64url');
  }

  /** The business's own key, as `recipientKey` derives it. */
  keyFor(businessId: string): Buffer {
    return recipientKey(this.pepper, businessId);
  }

  /**
   * What makes a command the same command, so that a retry answers as the first time did; `key` is the
   * `Idempotency-Key` or the provider's own id of the message. 43 characters.
   */
  commandId(businessId: string, route: string, recipientId: string, key: string): string {
    return this.commands.digest([businessId, route, recipientId, key].map(delimited).join(''), 'base64url');
  }

  /** A UUID of version 8 (RFC 9562, section 5.8); `index` counts the events of one command. */
  eventId(commandId: string, index: number): string {
    return asUuid(this.events.digest(`${commandId}:${index}`, 'hex'));
  }

  /** Tells a retry from another request under the same idempotency key: equal for equal JSON, in any order of members. */
  fingerprint(value: unknown): string {
    return this.requests.digest(canonicalJson(value), 'base64url');
  }

  /** Forgets the business unused for longest when there are too many: its key can be derived again at any time. */
  private keyOf(businessId: string): KeyedHash {
    const known = this.keys.get(businessId);
    if (known !== undefined && this.keys.size < this.maxBusinesses) return known;
    const key = known ?? new KeyedHash(recipientKey(this.pepper, businessId));
    this.keys.delete(businessId);
    this.keys.set(businessId, key);
    if (this.keys.size > this.maxBusinesses) this.keys.delete(this.keys.keys().next().value as string);
    return key;
  }
}

function derived(pepper: Uint8Array, label: string): Buffer {
  return createHmac('sha256', pepper).update(label).digest();
}

/** Preceded by its length, and as JSON, which also tells broken UTF-16 apart: no two lists of parts are written alike. */
function delimited(part: string): string {
  const text = JSON.stringify(part);
  return `${text.length}:${text}`;
}

/** Version 8 and the RFC's variant, in the first 16 bytes of a digest in hex. */
function asUuid(hex: string): string {
  const variant = '89ab'[Number.parseInt(hex.charAt(16), 16) & 3];
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** JSON with the members of every object sorted by name. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, sortMembers) ?? '';
}

/** Names that look like prototype keys must stay ordinary members, hence `fromEntries`, which defines and never assigns. */
function sortMembers(_name: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
