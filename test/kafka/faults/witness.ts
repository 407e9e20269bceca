import { EMPTY_STATE, fold, judge, type Instant } from '#consent';
import { depthOf, hasReached, type StoredEvent } from '#event-store';
import type { Guard, GuardQuestion, OptOutNotice } from '#sender-guard';
import { readRecipientEvent } from '#view';
import { until } from '../../faults/until.js';
import { decide } from '../../faults/verdicts.js';
import type { ServiceProcess } from '../../support/process.js';
import { byRecipient } from './topics.js';

/** A yes of the guard, as of the opt-outs that it had taken into account. */
interface Yes {
  readonly recipientId: string;
  readonly position: string;
  readonly at: Instant;
}

const LOOK_EVERY_MS = 10;

export const questionOf = (recipientId: string): GuardQuestion => ({
  businessId: 'acme',
  recipientId,
  channel: 'whatsapp',
  purpose: 'offers',
});

/**
 * Asks a guard about everybody all the time, and remembers every yes that it said. Whom an opt-out is about it asks for
 * at the very moment that the guard has heard of it: the topic of opt-outs alone must make a no of it, since the states
 * may come much later.
 */
export class Witness {
  private readonly yeses: Yes[] = [];
  private readonly heard = new Set<string>();
  private readonly looking: NodeJS.Timeout;
  private readonly stopHearing: () => void;
  asked = 0;

  constructor(guard: Guard, recipientIds: readonly string[]) {
    this.looking = setInterval(() => {
      for (const recipientId of recipientIds) this.ask(guard, recipientId);
    }, LOOK_EVERY_MS);
    this.stopHearing = guard.on('optOut', (notice) => this.hear(guard, notice));
  }

  stop(): void {
    clearInterval(this.looking);
    this.stopHearing();
  }

  /** The events among these that the guard never told of. */
  unheard(events: readonly StoredEvent[]): readonly string[] {
    return events.map(({ id }) => id).filter((id) => !this.heard.has(id));
  }

  get saidYes(): number {
    return this.yeses.length;
  }

  /**
   * The yeses that the ledger does not allow: with every no up to the position that the guard named, and everything else
   * that was recorded by then, which is the most that anybody could have known in favour of it.
   */
  wrong(events: readonly StoredEvent[]): readonly Yes[] {
    const factsOf = new Map([...byRecipient(events)].map(([id, own]) => [id, own.map(factIn)]));
    return this.yeses.filter((yes) => !isAllowed(yes, factsOf.get(yes.recipientId) ?? []));
  }

  private hear(guard: Guard, { recipientId, eventId, position }: OptOutNotice): void {
    this.heard.add(eventId);
    this.ask(guard, recipientId, position);
  }

  /** `atLeast` is known to have arrived, though the guard may not name it as its position yet. */
  private ask(guard: Guard, recipientId: string, atLeast?: string): void {
    this.asked += 1;
    const { eligible, position = '' } = guard.check(questionOf(recipientId));
    if (eligible) this.yeses.push({ recipientId, position: atLeast ?? position, at: new Date().toISOString() });
  }
}

const factIn = (stored: StoredEvent) => ({ ...readRecipientEvent(stored), depth: depthOf(stored.position) });

function isAllowed({ position, at }: Yes, facts: readonly ReturnType<typeof factIn>[]): boolean {
  if (position === '') return false;
  const state = facts
    .filter(({ depth, event, origin }) => {
      const isArrived = depth <= depthOf(position);
      return isArrived || (event.type !== 'ConsentRevoked' && origin.recordedAt <= at);
    })
    .reduce((all, { event, origin }) => fold(all, event, origin), EMPTY_STATE);
  const topic = { channel: 'whatsapp', purpose: 'offers', category: 'marketing', requires: 'consent' } as const;
  return judge(state, { ...topic, now: at }).eligible;
}

/** The guard comes to have read every opt-out up to this one. States may be there long before: each topic has a consumer. */
export async function readUpTo(guard: Guard, optOut: StoredEvent | undefined): Promise<void> {
  if (optOut === undefined) return;
  await until('the guard has read every opt-out', () => {
    const { position } = guard;
    return (position !== undefined && hasReached(position, optOut.position)) || undefined;
  });
}

/** The guard comes to say of each recipient what the ledger's own streams say. */
export async function agree(service: ServiceProcess, guarding: Guard, ids: readonly string[]): Promise<void> {
  for (const id of ids) {
    const query = { channel: 'whatsapp', purpose: 'offers', consistency: 'ledger' };
    const { eligible, reason } = await decide(service, id, query);
    // Of whom nothing was ever recorded there is no record either.
    const wanted = reason === 'NO_CONSENT' ? [reason, 'RECIPIENT_UNKNOWN'] : [reason];
    await until(`the guard says ${reason}`, () => {
      const own = guarding.check(questionOf(id));
      return (own.eligible === eligible && wanted.includes(own.reason)) || undefined;
    });
  }
}
