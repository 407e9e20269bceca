import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import {
  EMPTY_STATE,
  decideMessage,
  instantOf,
  type Channel,
  type ClaimedTime,
  type Instant,
  type MessageKind,
  type UserMessaged,
} from '#consent';
import { readEvent, writeEvent } from '#event-store';
import type { Sealed } from '#vault';
import { foldStored } from '#view';
import { Parts } from '../parts.js';
import { answerOf, placeOf, type Effect, type Outcome } from './answer.js';
import { readHistory, requireRoomToRemember } from './handle.js';
import type { KeyUse } from './key-uses.js';
import { metadataOf, type Caller } from './caller.js';
import { isBeforeErasure, keyReused } from './recipient-command.js';

export interface MessageRequest {
  readonly businessId: string;
  readonly recipientId: string;
  readonly channel: Channel;
  readonly sender: string;
  readonly kind: MessageKind;
  /** The provider's id of the message, by which a repeat is recognised; stored only where it is in `personal`. */
  readonly messageId: string;
  readonly claimed: ClaimedTime;
  readonly claimedText?: string;
  /** When the opt-out that the message carried counts, if it carried one. */
  readonly notAfter?: Instant;
  readonly personal: Readonly<Record<string, string>>;
  /** The caller's idempotency key, which may come with this very request alone; a repeat is known by its `messageId`. */
  readonly key?: string;
  readonly request?: unknown;
  readonly caller: Caller;
}

/** Somebody wrote or called: the window opens. */
export class RecordMessage extends Command<Outcome> {
  constructor(readonly message: MessageRequest) {
    super();
  }
}

@CommandHandler(RecordMessage)
export class RecordMessageHandler implements ICommandHandler<RecordMessage> {
  constructor(private readonly parts: Parts) {}

  /** Appends without reading first: conversations are long, and the join makes a repeat harmless. */
  async execute({ message }: RecordMessage): Promise<Outcome> {
    // The message of an opt-out goes with it: it opens nothing.
    if (message.notAfter === undefined) requireRoomToRemember(this.parts);
    const { underWay } = this.parts;
    await underWay.erased(message.recipientId);
    return underWay.recording(message.recipientId, () => this.record(message));
  }

  private async record(message: MessageRequest): Promise<Outcome> {
    const { ids, store, view, clock, keyUses } = this.parts;
    const keyUse = this.keyUseOf(message);
    if (keyUse && keyUses.isTaken(keyUse)) throw keyReused();
    const stream = `conversation-${message.recipientId}`;
    const commandId = ids.commandId(message.businessId, 'messages', message.recipientId, keyOf(message));
    const eventId = ids.eventId(commandId, 0);
    const recordedAt = instantOf(clock.now());
    const { event, ...effect } = decideMessage({ ...message, now: recordedAt });
    const sealed = await this.sealFor(message, eventId, event);
    const data = { ...event.data, ...(sealed ? { sealed } : {}) };
    const metadata = metadataOf(message.caller, commandId, { occurredAt: event.data.occurredAt, recordedAt });
    const appended = await store.append(stream, [writeEvent(eventId, event.type, data, metadata)], 'any');
    if (keyUse) keyUses.note(keyUse);
    this.parts.metrics.command(event.type, appended.replayed ? 'replayed' : 'recorded');
    if (appended.replayed) return this.replay(message, appended.revision);
    const place = { eventId, stream, recordedAt, ...appended };
    view.remember(message.recipientId, message.businessId, event, place, appended.position);
    return { answer: answerOf(message.recipientId, event, place, { warnings: [], ...effect }), replayed: false };
  }

  /**
   * Nothing where the message is of before its person's erasure. Another process may have erased the person since this
   * one last heard of the ledger, and the seal made a new key. Who asks after sealing hears of it: an erasure's event
   * stands in the ledger before the key is destroyed.
   */
  private async sealFor(message: MessageRequest, eventId: string, event: UserMessaged): Promise<Sealed | undefined> {
    const { vault, postgres, view } = this.parts;
    const { recipientId, personal } = message;
    if (Object.keys(personal).length === 0 || (await this.isForgotten(message, event))) return undefined;
    const sealed = await vault.seal(recipientId, eventId, personal);
    if (postgres === undefined) return sealed;
    const isLost = (await view.meetOthers()) ? this.isForgotten(message, event) : this.isForgottenNow(message, event);
    return (await isLost) ? undefined : sealed;
  }

  /** A message is recorded without its person's streams being read, unless the view may not say who was erased. */
  private async isForgotten(message: MessageRequest, event: UserMessaged): Promise<boolean> {
    const looked = await this.parts.view.lookUp(message.businessId, [message.recipientId]);
    if (looked.ok) return isBeforeErasure(looked.states[0] ?? EMPTY_STATE, event);
    return this.isForgottenNow(message, event);
  }

  private async isForgottenNow({ recipientId }: MessageRequest, event: UserMessaged): Promise<boolean> {
    const { store } = this.parts;
    const { events } = await readHistory(store, `consent-${recipientId}`);
    const stored = events.map((one) => one.event);
    return isBeforeErasure(foldStored(EMPTY_STATE, stored), event);
  }

  private keyUseOf({ businessId, key, request }: MessageRequest): KeyUse | undefined {
    const { ids } = this.parts;
    if (key === undefined) return undefined;
    return { key: ids.commandId(businessId, 'messages', '', key), asked: ids.fingerprint(request) };
  }

  private async replay(message: MessageRequest, revision: string): Promise<Outcome> {
    const { store, view } = this.parts;
    const stream = `conversation-${message.recipientId}`;
    const [stored] = await store.readStream(stream, { from: revision, limit: 1 });
    if (!stored) throw new Error('a replayed message is not where the store says it is');
    const earlier = readEvent(stored);
    const place = placeOf(earlier);
    const { ineffectiveBecause } = decideMessage({ ...message, now: place.recordedAt });
    const effect: Effect = { warnings: [], ...(ineffectiveBecause ? { ineffectiveBecause } : {}) };
    const event = { type: stored.type, data: earlier.data } as UserMessaged;
    // The first time may have been told that nobody knows what became of it, and the view need not have come so far.
    view.remember(message.recipientId, message.businessId, event, place, place.position);
    return { answer: answerOf(message.recipientId, event, place, effect), replayed: true };
  }
}

/** Message ids are unique per channel: what a webhook and a caller both report is one message. */
function keyOf({ channel, messageId }: MessageRequest): string {
  return `${channel} ${messageId}`;
}
