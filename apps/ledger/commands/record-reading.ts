import { randomUUID } from 'node:crypto';
import { EVENT_SCHEMA, instantOf } from '#consent';
import { writeEvent } from '#event-store';
import type { Parts } from '../parts.js';
import type { Caller } from './recipient-command.js';

export interface Reading {
  readonly businessId: string;
  readonly recipientId: string;
  readonly caller: Caller;
}

/** Puts on record, in the business's `access-` stream, that somebody is about to read personal data. */
export async function recordReading(parts: Parts, { businessId, recipientId, caller }: Reading): Promise<void> {
  const commandId = parts.ids.commandId(businessId, 'readings', recipientId, randomUUID());
  const occurredAt = instantOf(parts.clock.now());
  const metadata = {
    $correlationId: caller.requestId,
    $causationId: commandId,
    commandId,
    actor: caller.actor,
    occurredAt,
    recordedAt: occurredAt,
    schema: EVENT_SCHEMA,
  };
  const data = { businessId, recipientId, occurredAt };
  const event = writeEvent(parts.ids.eventId(commandId, 0), 'PersonalDataRead', data, metadata);
  await parts.store.append(`access-${businessId}`, [event], 'any');
}
