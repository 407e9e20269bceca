import { randomUUID } from 'node:crypto';
import { instantOf } from '#consent';
import { writeEvent } from '#event-store';
import type { Parts } from '../parts.js';
import { metadataOf, type Caller } from './caller.js';

export interface Reading {
  readonly businessId: string;
  readonly recipientId: string;
  readonly caller: Caller;
}

/** Puts on record, in the business's `access-` stream, that somebody is about to read personal data. */
export async function recordReading(parts: Parts, { businessId, recipientId, caller }: Reading): Promise<void> {
  const commandId = parts.ids.commandId(businessId, 'readings', recipientId, randomUUID());
  const occurredAt = instantOf(parts.clock.now());
  const metadata = metadataOf(caller, commandId, { occurredAt, recordedAt: occurredAt });
  const data = { businessId, recipientId, occurredAt };
  const event = writeEvent(parts.ids.eventId(commandId, 0), 'PersonalDataRead', data, metadata);
  await parts.store.append(`access-${businessId}`, [event], 'any');
}
