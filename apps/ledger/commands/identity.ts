import { randomUUID } from 'node:crypto';
import type { ReadEvent } from '#event-store';
import type { Parts } from '../parts.js';
import type { History } from './handle.js';
import type { KeyUse } from './key-uses.js';

/** What tells a command from every other, and a retry of it from another request under its key. */
export interface Identifiable {
  readonly businessId: string;
  readonly recipientId: string;
  /** The route or provider operation, part of the command's identity. */
  readonly operation: string;
  /** The caller's idempotency key or the provider's message id; without one the command is new each time. */
  readonly key?: string | undefined;
  /** Set where one command leaves events in the streams of several recipients. */
  readonly part?: CommandPart;
  /** What a retry must repeat to be taken for one. */
  readonly request: unknown;
  readonly lane: 'normal' | 'revocation';
  /** Set where the recipient's key is to be destroyed for the event: the vault is told before it is appended. */
  readonly erases?: true;
}

/** Which command, and which of its events. Each carries the fingerprint, so that whoever lacks one can make it of another. */
export interface CommandPart {
  readonly commandId: string;
  readonly index: number;
  readonly fingerprint: string | undefined;
}

export interface Identity {
  /** Undefined where there is no key to reuse, or, for a revocation, no vault to make it with. */
  readonly fingerprint: string | undefined;
  /** The key whoever it was sent for, and what with; undefined where there is none. */
  readonly keyUse: KeyUse | undefined;
  readonly commandId: string;
  /**
   * What the event's id is made from. A revocation is never turned away for its key, so its request is part of it: two
   * under one key are two events, however close together they come, and neither can be taken for the other.
   */
  readonly eventOf: string;
}

export async function identify(parts: Parts, command: Identifiable): Promise<Identity> {
  const { businessId, operation, recipientId, key, part } = command;
  const unique = key ?? randomUUID();
  const commandId = part?.commandId ?? parts.ids.commandId(businessId, operation, recipientId, unique);
  if (key === undefined && part === undefined) {
    // New each time, and nothing to be compared with.
    return { keyUse: undefined, fingerprint: undefined, commandId, eventOf: commandId };
  }
  const asked = parts.ids.fingerprint(command.request);
  const ofRequest = () => parts.ids.commandId(businessId, operation, recipientId, `${unique} ${asked}`);
  return {
    keyUse: key === undefined ? undefined : { key: parts.ids.commandId(businessId, operation, '', key), asked },
    fingerprint: part ? part.fingerprint : await ownFingerprint(parts, command),
    commandId,
    eventOf: command.lane === 'revocation' ? ofRequest() : commandId,
  };
}

/** Under the recipient's own key, so that after an erasure nobody can test what the request may have said. */
async function ownFingerprint(parts: Parts, { recipientId, key, erases, request, lane }: Identifiable) {
  // Nobody is given a key only to have it destroyed.
  if (key === undefined || erases) return undefined;
  try {
    return await parts.vault.fingerprint(recipientId, request);
  } catch (error) {
    if (lane !== 'revocation') throw error;
    return undefined;
  }
}

/** Whether the key had come to this person with another request by the time it came with this one. */
export function isReused(history: History, identity: Identity, eventId: string): boolean {
  if (identity.keyUse === undefined) return false;
  const { events } = history;
  const at = events.findIndex(({ event }) => event.id === eventId);
  const earlier = events[at];
  if (earlier && identity.eventOf === identity.commandId) {
    return !isErasedSince(history, earlier) && !sameRequest(earlier, identity);
  }
  const before = earlier ? events.slice(0, at) : events;
  return before.some(({ metadata }) => metadata.commandId === identity.commandId);
}

/**
 * Then the earlier request's fingerprint can be compared no more. It is taken for the same: recorded anew, a retry of
 * what somebody agreed to before they were erased would count as a fresh consent.
 */
export function isErasedSince({ events }: History, earlier: ReadEvent): boolean {
  return events.slice(events.indexOf(earlier)).some(({ event }) => event.type === 'RecipientErased');
}

/** What cannot be compared is not taken for the same: a revocation recorded twice is harmless, one left out is not. */
function sameRequest({ metadata }: ReadEvent, { fingerprint }: Identity): boolean {
  return fingerprint !== undefined && metadata.fingerprint === fingerprint;
}
