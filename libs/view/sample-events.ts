import { writeEvent, type NewEvent } from '#event-store';

/** Events of the business `acme` as a command handler writes them, for tests; their ids count up. */

let ids = 0;
export function eventOf(type: string, data: object): NewEvent {
  ids += 1;
  const id = `00000000-0000-4000-8000-${String(ids).padStart(12, '0')}`;
  const occurredAt = 'occurredAt' in data ? String(data.occurredAt) : at(0);
  const trail = { $correlationId: id, $causationId: id, commandId: id, actor: 'system', schema: 1 };
  return writeEvent(id, type, data, { ...trail, occurredAt, recordedAt: occurredAt });
}

export function at(second: number): string {
  return new Date(Date.UTC(2026, 4, 1, 10, 0, second)).toISOString();
}

const facts = (second: number, businessId = 'acme') => ({ businessId, occurredAt: at(second) });

export function grant(second: number, businessId?: string): NewEvent {
  const scope = { channels: ['sms'], purposes: ['offers'], method: 'api' };
  return eventOf('ConsentGranted', { ...facts(second, businessId), ...scope });
}

export function stop(second: number): NewEvent {
  const scope = { channels: ['*'], purposes: [], categories: ['*'], method: 'api' };
  return eventOf('ConsentRevoked', { ...facts(second), ...scope });
}

export function message(second: number, businessId?: string): NewEvent {
  const contact = { channel: 'whatsapp', sender: 'main', kind: 'message' };
  return eventOf('UserMessaged', { ...facts(second, businessId), ...contact });
}

export function link(other: string, second = 0): NewEvent {
  return eventOf('RecipientLinked', { ...facts(second), other, kind: 'same_person' });
}

/** Of a type that no version knows. */
export function imagined(second: number): NewEvent {
  return eventOf('ConsentImagined', facts(second));
}

export function purpose(purposeId: string, businessId = 'acme'): NewEvent {
  const what = { category: 'marketing', title: 'Offers', requires: 'consent' };
  return eventOf('PurposeRegistered', { businessId, purposeId, ...what });
}
