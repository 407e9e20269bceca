import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import { readEvent, comparePositions, type EventStore, type ReadEvent } from '#event-store';
import { Refusal } from '#platform';
import { SealInvalid, type Sealed } from '#vault';
import { recordReading } from '../commands/record-reading.js';
import type { Caller } from '../commands/caller.js';
import { recipientNotFound, requireOwn } from '../ownership.js';
import { Parts } from '../parts.js';

export interface TimelineRequest {
  readonly businessId: string;
  readonly recipientId: string;
  readonly after?: string;
  readonly limit: number;
  /** Whether the caller may read personal parts; the reading is on record before they are opened. */
  readonly unseal: boolean;
  readonly caller: Caller;
}

export interface TimelineEvent {
  readonly eventId: string;
  readonly type: string;
  readonly stream: string;
  readonly revision: string;
  readonly position: string;
  readonly occurredAt?: string;
  readonly claimedAt?: string;
  readonly recordedAt?: string;
  readonly actor?: string;
  readonly data: unknown;
  /** `evidence` as the flat object that it was given as, everything else as text. */
  readonly personal?: Readonly<Record<string, unknown>>;
}

export interface Timeline {
  readonly events: readonly TimelineEvent[];
  readonly next?: string;
}

/** Every event of one recipient, oldest first, read from the ledger itself. Unknown to this business: `RECIPIENT_NOT_FOUND`. */
export class ReadTimeline extends Query<Timeline> {
  constructor(readonly request: TimelineRequest) {
    super();
  }
}

/** Where the reading of each of the two streams goes on. */
interface Cursor {
  readonly consent: number;
  readonly conversation: number;
}

@QueryHandler(ReadTimeline)
export class ReadTimelineHandler implements IQueryHandler<ReadTimeline> {
  constructor(private readonly parts: Parts) {}

  async execute({ request }: ReadTimeline): Promise<Timeline> {
    const start = cursorOf(request.after);
    const { businessId, recipientId, limit, unseal, caller } = request;
    if ((await requireOwn(this.parts, businessId, recipientId)) === 'unknown') throw recipientNotFound();
    if (unseal) await recordReading(this.parts, { businessId, recipientId, caller });
    const consent = await readFrom(this.parts.store, `consent-${recipientId}`, start.consent, limit);
    const conversation = await readFrom(this.parts.store, `conversation-${recipientId}`, start.conversation, limit);
    const page = mergeByPosition(consent, conversation).slice(0, limit);
    const events: TimelineEvent[] = [];
    for (const one of page) events.push(await this.project(request, one));
    const more = consent.length + conversation.length > page.length;
    return more ? { events, next: writeCursor(advance(start, page)) } : { events };
  }

  private async project({ recipientId, unseal }: TimelineRequest, read: ReadEvent): Promise<TimelineEvent> {
    const { event, metadata } = read;
    const { sealed, occurredAt, claimedAt, ...data } = (read.data ?? {}) as Record<string, unknown>;
    const personal = unseal && sealed ? await this.open(recipientId, event.id, sealed as Sealed) : undefined;
    return {
      eventId: event.id,
      type: event.type,
      stream: event.stream,
      revision: event.revision,
      position: event.position,
      ...text('occurredAt', occurredAt),
      ...text('claimedAt', claimedAt),
      ...text('recordedAt', metadata.recordedAt),
      ...text('actor', metadata.actor),
      data,
      ...(personal ? { personal: asGiven(personal) } : {}),
    };
  }

  /** Undefined too where it is not what was sealed: the rest of the story is to be read all the same. */
  private async open(recipientId: string, eventId: string, sealed: Sealed) {
    const { vault, log } = this.parts;
    try {
      return await vault.open(recipientId, eventId, sealed);
    } catch (error) {
      if (!(error instanceof SealInvalid)) throw error;
      log.error({ err: error, eventId }, 'the sealed part of an event cannot be opened; it is shown without');
      return undefined;
    }
  }
}

function asGiven({ evidence, ...personal }: Readonly<Record<string, string>>): Readonly<Record<string, unknown>> {
  return evidence === undefined ? personal : { ...personal, evidence: JSON.parse(evidence) as unknown };
}

/** One more than the page holds, so that the end is known without another reading. */
async function readFrom(store: EventStore, stream: string, from: number, limit: number): Promise<readonly ReadEvent[]> {
  const events = await store.readStream(stream, { from: String(from), limit: limit + 1 });
  return events.map(readEvent);
}

function mergeByPosition(one: readonly ReadEvent[], other: readonly ReadEvent[]): readonly ReadEvent[] {
  return [...one, ...other].sort((a, b) => comparePositions(a.event.position, b.event.position) ?? 0);
}

function advance(start: Cursor, page: readonly ReadEvent[]): Cursor {
  const ofConsent = page.filter(({ event }) => event.stream.startsWith('consent-')).length;
  return { consent: start.consent + ofConsent, conversation: start.conversation + page.length - ofConsent };
}

const CURSOR_PATTERN = /^(\d{1,15})\.(\d{1,15})$/;

function cursorOf(after: string | undefined): Cursor {
  if (after === undefined) return { consent: 0, conversation: 0 };
  const [, consent, conversation] = CURSOR_PATTERN.exec(after) ?? [];
  if (consent === undefined || conversation === undefined) throw badCursor();
  return { consent: Number(consent), conversation: Number(conversation) };
}

function writeCursor({ consent, conversation }: Cursor): string {
  return `${consent}.${conversation}`;
}

function badCursor(): Refusal {
  const message = "Send the last page's next, unchanged.";
  return new Refusal('VALIDATION_FAILED', message, { errors: [{ field: 'after', code: 'CURSOR', message }] });
}

function text<K extends string>(name: K, value: unknown): { [P in K]?: string } {
  return typeof value === 'string' ? ({ [name]: value } as { [P in K]?: string }) : {};
}
