import { EMPTY_STATE } from '#consent';
import { TOPICS, stateRecordOf, type StateRecord } from '#contracts';
import type { StoredEvent } from '#event-store';
import { foldStored, recipientOf } from '#view';
import type { SeenRecord } from '../reader.js';

export function byRecipient(events: readonly StoredEvent[]): ReadonlyMap<string, readonly StoredEvent[]> {
  const all = new Map<string, StoredEvent[]>();
  for (const event of events) {
    const recipientId = recipientOf(event.stream) ?? '';
    const own = all.get(recipientId) ?? [];
    own.push(event);
    all.set(recipientId, own);
  }
  return all;
}

export function missingOf(events: readonly StoredEvent[], records: readonly SeenRecord[]): readonly string[] {
  const told = new Set(records.map(({ headers }) => headers.ce_id));
  return events.map(({ id }) => id).filter((id) => !told.has(id));
}

/** Records beyond the first of an event under one key. What strangers wrote is about no event. */
export function repeatsIn(records: readonly SeenRecord[]): number {
  const own = records.filter(({ headers }) => headers.ce_id !== undefined);
  return own.length - new Set(own.map(({ key, headers }) => `${key} ${headers.ce_id}`)).size;
}

/** Without repeats, the records of a key that do not stand in the ledger's order. */
export function outOfOrder(records: readonly SeenRecord[]): readonly string[] {
  const seen = new Set<string>();
  const last = new Map<string, number>();
  return records.flatMap(({ key = '', headers }) => {
    const name = `${key} ${headers.ce_id}`;
    if (seen.has(name)) return [];
    seen.add(name);
    const position = Number(headers.ce_ledgerposition?.split('.').at(-1));
    const isBehind = position <= (last.get(key) ?? -1);
    last.set(key, position);
    return isBehind ? [name] : [];
  });
}

/** Recipients whose newest record on the topic of states is not the ledger's own state of them. */
export function otherStates(events: readonly StoredEvent[], records: readonly SeenRecord[]): readonly string[] {
  const newest = new Map(records.map((one) => [one.key ?? '', one]));
  return [...byRecipient(events)].flatMap(([recipientId, own]) => {
    const told = newest.get(recipientId)?.value?.toString('utf8') ?? '';
    const state = foldStored(EMPTY_STATE, own);
    const wanted = stateRecordOf({ businessId: 'acme', recipientId, position: positionIn(told), state });
    return told === JSON.stringify(wanted) ? [] : [recipientId];
  });
}

function positionIn(told: string): string {
  try {
    return (JSON.parse(told) as StateRecord).position;
  } catch {
    return '';
  }
}

export const { optouts, changes, state: states } = TOPICS;
