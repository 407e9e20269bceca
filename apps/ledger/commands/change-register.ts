import { randomUUID } from 'node:crypto';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import {
  EMPTY_BUSINESS,
  evolveBusiness,
  instantOf,
  readBusinessEvent,
  type BusinessEvent,
  type BusinessState,
  type Instant,
  type RegisterDecision,
} from '#consent';
import { writeEvent, type NewEvent } from '#event-store';
import { Parts } from '../parts.js';
import { handle, type History } from './handle.js';
import { metadataOf, type Caller } from './caller.js';
import { keyReused } from './recipient-command.js';
import { refuse } from './register.js';

export interface RegisterChange {
  readonly businessId: string;
  readonly operation: string;
  readonly key?: string;
  /** What a retry under the same key must repeat to be taken for one. */
  readonly request?: unknown;
  readonly caller: Caller;
  /** Pure: which events the register needs, none where it says so already. */
  decide(state: BusinessState, now: Instant): RegisterDecision;
}

export interface Registered {
  readonly state: BusinessState;
  readonly events: readonly BusinessEvent[];
  readonly created: boolean;
  readonly replayed: boolean;
}

/** A change of a business's register: its profile, purposes, disclosures, senders, policy. */
export class ChangeRegister extends Command<Registered> {
  constructor(readonly change: RegisterChange) {
    super();
  }
}

@CommandHandler(ChangeRegister)
export class ChangeRegisterHandler implements ICommandHandler<ChangeRegister> {
  constructor(private readonly parts: Parts) {}

  async execute({ change }: ChangeRegister): Promise<Registered> {
    const { ids, view, config } = this.parts;
    const key = change.key ?? randomUUID();
    const commandId = ids.commandId(change.businessId, change.operation, '', key);
    const { answer, appended } = await handle<Registered>(this.parts, {
      stream: `business-${change.businessId}`,
      lane: 'normal',
      maxAttempts: config.limits.appendRetries,
      decide: async (history) => this.decideOnce(change, commandId, history),
    });
    const revision = appended?.revision;
    if (revision !== undefined) view.catalogue.offer({ businessId: change.businessId, state: answer.state, revision });
    return answer;
  }

  private decideOnce(change: RegisterChange, commandId: string, history: History) {
    const state = fold(history);
    const replayed = eventsOf(history, commandId, this.parts.ids.fingerprint(change.request));
    if (replayed.length > 0) {
      return { answer: { state, events: replayed, created: true, replayed: true } };
    }
    const recordedAt = instantOf(this.parts.clock.now());
    const decision = change.decide(state, recordedAt);
    if ('refused' in decision) throw refuse(decision);
    const answer = { ...decision, state: decision.events.reduce(evolveBusiness, state), replayed: false };
    if (decision.events.length === 0) return { answer };
    const events = decision.events.map((event, index) => this.write(change, commandId, event, index, recordedAt));
    return { answer, events };
  }

  private write(
    { caller, request }: RegisterChange,
    commandId: string,
    { type, data }: BusinessEvent,
    index: number,
    recordedAt: Instant,
  ): NewEvent {
    const times = { occurredAt: recordedAt, recordedAt };
    const metadata = metadataOf(caller, commandId, times, this.parts.ids.fingerprint(request));
    return writeEvent(this.parts.ids.eventId(commandId, index), type, data, metadata);
  }
}

function fold(history: History): BusinessState {
  return history.events.reduce<BusinessState>((state, { event, data, metadata }) => {
    const read = readBusinessEvent(event.type, data, metadata.schema);
    return read ? evolveBusiness(state, read) : { ...state, unreadable: true };
  }, EMPTY_BUSINESS);
}

/** The events that an earlier request with the same idempotency key left behind; another request may not use that key. */
function eventsOf(history: History, commandId: string, fingerprint: string): readonly BusinessEvent[] {
  const earlier = history.events.filter(({ metadata }) => metadata.commandId === commandId);
  if (earlier.some(({ metadata }) => metadata.fingerprint !== fingerprint)) throw keyReused();
  return earlier.flatMap(({ event, data, metadata }) => readBusinessEvent(event.type, data, metadata.schema) ?? []);
}
