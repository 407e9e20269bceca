import { randomUUID } from 'node:crypto';
import { instantOf } from '#consent';
import { writeEvent } from '#event-store';
import type { Parts } from '../parts.js';
import { metadataOf, type Caller } from './caller.js';

export interface HandOut {
  readonly businessId: string;
  readonly caller: Caller;
}

export interface Reading extends HandOut {
  readonly recipientId: string;
}

/** Puts on record, in the business's `access-` stream, that somebody is about to read personal data. */
export async function recordReading(parts: Parts, reading: Reading): Promise<void> {
  const { recipientId } = reading;
  await record(parts, reading, 'PersonalDataRead', { recipientId });
}

/** The same of the key by which the business's recipient ids are made. */
export async function recordKeyHandOut(parts: Parts, handOut: HandOut): Promise<void> {
  await record(parts, handOut, 'RecipientKeyHandedOut', {});
}

async function record(
  parts: Parts,
  { businessId, caller }: HandOut,
  type: string,
  about: { readonly recipientId?: string },
): Promise<void> {
  const { recipientId = '' } = about;
  const commandId = parts.ids.commandId(businessId, 'readings', recipientId, randomUUID());
  const occurredAt = instantOf(parts.clock.now());
  const metadata = metadataOf(caller, commandId, { occurredAt, recordedAt: occurredAt });
  const event = writeEvent(parts.ids.eventId(commandId, 0), type, { businessId, ...about, occurredAt }, metadata);
  await parts.store.append(`access-${businessId}`, [event], 'any');
}
