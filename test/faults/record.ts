import { readConsentEvent } from '#consent';
import { openSqliteStore, readEvent, type StoredEvent } from '#event-store';
import { ask, must, type Reachable } from '../support/client.js';
import type { Happening } from '../reference/happening.js';
import { EVENTS_OF, labelIn, type Personal } from './deed.js';
import type { Acknowledged } from './writers.js';

interface TimelineEvent {
  readonly eventId: string;
  readonly type: string;
  readonly stream: string;
  readonly revision: string;
  readonly position: string;
  readonly personal?: Personal;
}

export async function recipientIdsOf(service: Reachable, phones: readonly string[]): Promise<readonly string[]> {
  const body = { recipients: phones.map((phone) => ({ phone })) };
  const answer = await must(ask(service, 'POST', '/v1/businesses/acme/recipients/lookup', { body }));
  return (answer.body.results as unknown as readonly { recipientId: string }[]).map(({ recipientId }) => recipientId);
}

/** Every page of a recipient's timeline, opened; empty where nothing is recorded. */
export async function timelineOf(service: Reachable, recipientId: string): Promise<readonly TimelineEvent[]> {
  const events: TimelineEvent[] = [];
  for (let after: string | undefined; ;) {
    const query = after === undefined ? '' : `?after=${after}`;
    const page = await ask(service, 'GET', `/v1/businesses/acme/recipients/${recipientId}/timeline${query}`);
    if (page.status === 404) return events;
    if (page.status !== 200) throw new Error(`the timeline was answered ${JSON.stringify(page.body)}`);
    events.push(...(page.body.events as unknown as readonly TimelineEvent[]));
    after = page.body.next;
    if (after === undefined) return events;
  }
}

const PAGE_EVENTS = 10_000;

/** Everything in the streams of recipients, read from the disk beside the service. */
export async function scanOf(dataDir: string): Promise<readonly StoredEvent[]> {
  const store = await openSqliteStore({ dataDir, readOnly: true });
  try {
    const events: StoredEvent[] = [];
    for (let start = {}; ;) {
      const page = await store.readAll({ ...start, prefixes: ['consent-', 'conversation-'], limit: PAGE_EVENTS });
      for (const event of page.events) events.push(event);
      if (page.atEnd) return events;
      start = { from: page.position };
    }
  } finally {
    await store.close();
  }
}

/** The same events as the reference model reads them. */
export function happeningsIn(events: readonly StoredEvent[]): readonly Happening[] {
  return events.map(readEvent).map(({ event, data, metadata }) => ({
    recipientId: event.stream.slice(event.stream.indexOf('-') + 1),
    eventId: event.id,
    event: readConsentEvent(event.type, data, metadata.schema, metadata.recordedAt ?? ''),
  }));
}

/** `label type` of every event that the deeds must have left, sorted: each of them once. */
export function expectedOf(acknowledged: readonly Acknowledged[]): readonly string[] {
  return acknowledged.flatMap(({ deed }) => EVENTS_OF[deed.kind].map((type) => `${deed.label} ${type}`)).sort();
}

/** The same of what a service tells over HTTP about these recipients. */
export async function toldBy(service: Reachable, recipientIds: readonly string[]): Promise<readonly string[]> {
  const timelines = await Promise.all(recipientIds.map((id) => timelineOf(service, id)));
  return timelines
    .flat()
    .map(({ type, personal }) => `${labelIn(personal) ?? 'unlabelled'} ${type}`)
    .sort();
}

/** What was answered with a place (commands; a webhook's answer names none) that the ledger does not hold there. */
export function misplaced(acknowledged: readonly Acknowledged[], scanned: readonly StoredEvent[]): readonly string[] {
  const places = new Set(scanned.map(placeOf));
  return acknowledged
    .filter(({ answer }) => answer.body.eventId !== undefined)
    .filter(({ answer }) => !places.has(placeOf({ id: answer.body.eventId, ...answer.body } as never)))
    .map(({ deed }) => deed.label);
}

function placeOf({ id, stream, revision, position }: StoredEvent): string {
  return [id, stream, revision, position].join(' ');
}
