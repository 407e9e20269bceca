import { EMPTY_STATE, fold, judge, type Instant } from '#consent';
import { depthOf, type StoredEvent } from '#event-store';
import type { Guard, GuardQuestion } from '#sender-guard';
import { readRecipientEvent } from '#view';
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

/** Asks a guard about everybody all the time, and remembers every yes that it said. */
export class Witness {
  private readonly yeses: Yes[] = [];
  private readonly looking: NodeJS.Timeout;
  asked = 0;

  constructor(guard: Guard, recipientIds: readonly string[]) {
    this.looking = setInterval(() => {
      for (const recipientId of recipientIds) this.ask(guard, recipientId);
    }, LOOK_EVERY_MS);
  }

  stop(): void {
    clearInterval(this.looking);
  }

  get saidYes(): number {
    return this.yeses.length;
  }

  /**
   * The yeses that the ledger does not allow: with every no up to the position that the guard named, and everything else
   * that was ever recorded, which is the most that anybody could have known in favour of it.
   */
  wrong(events: readonly StoredEvent[]): readonly Yes[] {
    const ofRecipient = byRecipient(events);
    return this.yeses.filter((yes) => !isAllowed(yes, ofRecipient.get(yes.recipientId) ?? []));
  }

  private ask(guard: Guard, recipientId: string): void {
    this.asked += 1;
    const { eligible, position } = guard.check(questionOf(recipientId));
    if (eligible) this.yeses.push({ recipientId, position: position ?? '', at: new Date().toISOString() });
  }
}

function isAllowed({ position, at }: Yes, events: readonly StoredEvent[]): boolean {
  if (position === '') return false;
  const counted = events.filter((one) => one.type !== 'ConsentRevoked' || depthOf(one.position) <= depthOf(position));
  const state = counted.map(readRecipientEvent).reduce((all, one) => fold(all, one.event, one.origin), EMPTY_STATE);
  const topic = { channel: 'whatsapp', purpose: 'offers', category: 'marketing', requires: 'consent' } as const;
  return judge(state, { ...topic, now: at }).eligible;
}
