import { isInstant, purposeOf, readClaimedTime, senderOf, type Channel } from '#consent';
import { Refusal, type FieldError } from '#platform';
import { together, type Outcome, type Warning } from '../commands/answer.js';
import type { GrantRequest } from '../commands/grant-consent.js';
import type { MessageRequest } from '../commands/record-message.js';
import type { Caller } from '../commands/caller.js';
import { hearOf, register, withNews } from '../commands/register.js';
import type { RevocationRequest } from '../commands/revoke-consent.js';
import { requireOwn } from '../ownership.js';
import type { Parts } from '../parts.js';
import type { GrantDto, MessageDto } from './dto/consent.dto.js';
import { idempotencyKey, lenientIdempotencyKey } from './idempotency-key.js';
import { knownChannel } from './known-channel.js';
import {
  nameRecipient,
  nameRevoked,
  namingWarnings,
  type NamedByRevocation,
  type NamedRecipient,
} from './name-recipient.js';
import { readRevocation, type ReadRevocation } from './revocation-body.js';

/** From validated bodies to commands: names the person, reads the times, sets the personal parts aside. */
export async function grantOf(
  parts: Parts,
  businessId: string,
  key: unknown,
  body: GrantDto,
  caller: Caller,
): Promise<GrantRequest> {
  if (body.purposes && body.categories) throw oneOrTheOther();
  const recipient = await strictRecipient(parts, businessId, body.recipient);
  return {
    businessId,
    recipientId: recipient.recipientId,
    channels: body.channels.map((channel) => knownChannel(channel, 'channels')),
    ...(body.purposes ? { purposes: body.purposes } : {}),
    ...(body.categories ? { categories: body.categories } : {}),
    method: body.method,
    ...(body.disclosure ? { disclosure: { id: body.disclosure.id, version: body.disclosure.version } } : {}),
    ...hashOf(body.evidence),
    ...claimOf(body.occurredAt),
    ...expiryOf(body.expiresAt),
    personal: { ...addressOf(recipient), ...sealedEvidence(body.evidence) },
    ...idempotencyKey(key),
    request: { operation: 'grants', ...body },
    caller,
  };
}

export async function revocationsOf(
  parts: Parts,
  businessId: string,
  keyHeader: unknown,
  body: unknown,
  faults: readonly FieldError[],
  caller: Caller,
): Promise<readonly RevocationRequest[]> {
  const fields = requireObject(body);
  await hearOf(parts, businessId);
  const { recipients, unread } = await ownRevoked(parts, businessId, fields.recipient);
  const read = readRevocation(fields, faults);
  const { key, warnings: keyWarnings } = lenientIdempotencyKey(keyHeader);
  const warnings = [
    ...read.warnings,
    ...keyWarnings,
    ...namingWarnings(fields.recipient),
    ...unread.map(unreadWarning),
    ...unregisteredWarnings(parts, businessId, read.purposes),
  ];
  // Member by member: what is spread first has a shape of its own each time, and is read the slow way from then on.
  return recipients.map((recipient) => ({
    businessId,
    recipientId: recipient.recipientId,
    operation: 'revocations',
    channels: read.channels,
    purposes: read.purposes,
    categories: read.categories,
    method: read.method,
    claimed: read.claimed,
    claimedText: read.claimedText,
    key,
    personal: personalOf(recipient, read),
    warnings: [...warnings, ...recipientWarnings(recipient, recipients.length, 'revoked')],
    request: { operation: 'revocations', ...fields },
    caller,
  }));
}

function personalOf(recipient: NamedRecipient, { reason }: ReadRevocation): RevocationRequest['personal'] {
  return reason === undefined ? addressOf(recipient) : { ...addressOf(recipient), reason };
}

export async function messageOf(
  parts: Parts,
  businessId: string,
  key: unknown,
  body: MessageDto,
  caller: Caller,
): Promise<MessageRequest> {
  const channel = knownChannel(body.channel, 'channel');
  await withNews(parts, () => requireSender(parts, businessId, channel, body.sender));
  const recipient = await strictRecipient(parts, businessId, body.recipient);
  return {
    businessId,
    recipientId: recipient.recipientId,
    channel,
    sender: body.sender,
    kind: body.kind ?? 'message',
    messageId: body.messageId,
    ...idempotencyKey(key),
    request: { ...body },
    ...claimOf(body.occurredAt),
    personal: { ...addressOf(recipient), messageId: body.messageId },
    caller,
  };
}

/** What came of an opt-out or an erasure: the answer for the first address that it named, as of when all are recorded. */
export function ofEveryAddress([first, ...others]: readonly Outcome[]): Outcome {
  if (first === undefined) throw new Error('an opt-out without a person was let through');
  return together([first, ...others]);
}

export async function strictRecipient(
  parts: Parts,
  businessId: string,
  recipient: unknown,
  path?: string,
): Promise<NamedRecipient> {
  const named = nameRecipient(parts, businessId, recipient, path);
  if (named instanceof Refusal) throw named;
  if (!named.address) await requireOwn(parts, businessId, named.recipientId);
  return named;
}

/**
 * Whom an opt-out names. An id must be one of this business's own: another's stops nobody, and does not keep out who is
 * named by an address beside it.
 */
export async function ownRevoked(parts: Parts, businessId: string, recipient: unknown): Promise<NamedByRevocation> {
  const { recipients, unread } = nameRevoked(parts, businessId, recipient);
  const byAddress = recipients.filter(({ address }) => address !== undefined);
  try {
    for (const { address, recipientId } of recipients) if (!address) await requireOwn(parts, businessId, recipientId);
    return { recipients, unread };
  } catch (error) {
    if (byAddress.length === 0 || !(error instanceof Refusal)) throw error;
    return { recipients: byAddress, unread: [...unread, 'recipientId'] };
  }
}

export function requireObject(body: unknown): Readonly<Record<string, unknown>> {
  if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Record<string, unknown>;
  const message = 'Send an object that names the person as recipient.';
  throw new Refusal('VALIDATION_FAILED', message, { errors: [{ field: 'recipient', code: 'REQUIRED', message }] });
}

/** Needed by no revocation, but a misspelt one would stop nothing that is sent. */
function unregisteredWarnings(parts: Parts, businessId: string, purposes: readonly string[]): readonly Warning[] {
  const state = parts.view.catalogue.business(businessId)?.state;
  const unknown = purposes.some((purpose) => !state || purposeOf(state, purpose) === undefined);
  return unknown ? [{ field: 'purposes', message: 'Not all of these are registered: look for a misspelt one.' }] : [];
}

export function unreadWarning(field: string): Warning {
  return { field: `recipient.${field}`, message: 'Names nobody here: the person is recorded under the others alone.' };
}

/** `done` says what happens to each of several addresses. */
export function recipientWarnings(
  { unparsed }: NamedRecipient,
  addresses: number,
  done: 'revoked' | 'erased',
): readonly Warning[] {
  return [
    ...(unparsed
      ? [{ field: 'recipient', message: 'The address could not be read; it is recorded as it stands.' }]
      : []),
    ...(addresses > 1
      ? [{ field: 'recipient', message: `Several addresses were named; each of them is ${done}.` }]
      : []),
  ];
}

function requireSender(parts: Parts, businessId: string, channel: Channel, senderId: string): void {
  if (senderOf(register(parts, businessId), senderId)?.channel === channel) return;
  const message = 'Use a sender that the business has registered on this channel.';
  throw new Refusal('SENDER_NOT_FOUND', message, { errors: [{ field: 'sender', code: 'SENDER_NOT_FOUND', message }] });
}

export function claimOf(occurredAt: string | undefined) {
  return { claimed: readClaimedTime(occurredAt), ...(occurredAt === undefined ? {} : { claimedText: occurredAt }) };
}

/** Sealed as one, since the names of its fields may say who it is about too. */
function sealedEvidence(evidence: Readonly<Record<string, string>> | undefined): { evidence?: string } {
  return evidence === undefined ? {} : { evidence: JSON.stringify(evidence) };
}

/** Kept in the clear only where it can be nothing but a hash. */
function hashOf(evidence: Readonly<Record<string, string>> | undefined): { evidenceSha256?: string } {
  const sha256 = evidence?.sha256;
  return sha256 !== undefined && /^[0-9a-f]{64}$/i.test(sha256) ? { evidenceSha256: sha256.toLowerCase() } : {};
}

/** An expiry that cannot be kept is refused: left out, the grant would stand for ever. */
function expiryOf(expiresAt: string | undefined): { expiresAt?: string } {
  if (expiresAt === undefined) return {};
  const claimed = readClaimedTime(expiresAt);
  if (claimed.precision === 'instant' && isInstant(claimed.at)) return { expiresAt: claimed.at };
  const message = 'Send an instant before the year 10000.';
  throw new Refusal('VALIDATION_FAILED', message, { errors: [{ field: 'expiresAt', code: 'MAX', message }] });
}

export function addressOf({ address }: NamedRecipient): { address?: string; addressKind?: string } {
  return address ? { address: address.given.slice(0, MAX_ADDRESS), addressKind: address.kind } : {};
}

/** Longer than any address; what an opt-out calls one may be of any length, and must not keep it from being recorded. */
const MAX_ADDRESS = 1_000;

function oneOrTheOther(): Refusal {
  const message = 'Send purposes or categories, not both.';
  return new Refusal('VALIDATION_FAILED', message, { errors: [{ field: 'categories', code: 'ONE_OF', message }] });
}
