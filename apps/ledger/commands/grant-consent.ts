import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import {
  decideGrant,
  instantOf,
  purposeOf,
  purposesOfGrant,
  type Category,
  type Channel,
  type ClaimedTime,
  type DisclosureRef,
  type GrantDecision,
  type GrantMethod,
  type Instant,
  type PurposeFact,
} from '#consent';
import { Refusal } from '#platform';
import { Parts } from '../parts.js';
import type { Effect, Outcome } from './answer.js';
import type { Caller } from './caller.js';
import { carryOut } from './recipient-command.js';
import { refuse, register, withNews } from './register.js';
import { joinedWithLinked } from './same-person.js';

export interface GrantRequest {
  readonly businessId: string;
  readonly recipientId: string;
  readonly channels: readonly Channel[];
  readonly purposes?: readonly string[];
  readonly categories?: readonly Category[];
  readonly method: GrantMethod;
  readonly disclosure?: DisclosureRef;
  readonly evidenceSha256?: string;
  readonly claimed: ClaimedTime;
  readonly claimedText?: string;
  readonly expiresAt?: Instant;
  readonly personal: Readonly<Record<string, string>>;
  readonly key?: string;
  readonly request: unknown;
  readonly caller: Caller;
}

/** Somebody agreed to be messaged. */
export class GrantConsent extends Command<Outcome> {
  constructor(readonly grant: GrantRequest) {
    super();
  }
}

@CommandHandler(GrantConsent)
export class GrantConsentHandler implements ICommandHandler<GrantConsent> {
  constructor(private readonly parts: Parts) {}

  execute({ grant }: GrantConsent): Promise<Outcome> {
    // An opt-out is written first, whatever waits for the disk: what it overtakes came before it all the same.
    const heardAt = instantOf(this.parts.clock.now());
    return withNews(this.parts, () => this.record(grant, heardAt));
  }

  private record(grant: GrantRequest, heardAt: Instant): Promise<Outcome> {
    return carryOut(this.parts, {
      ...grant,
      operation: 'grants',
      lane: 'normal',
      warnings: grant.disclosure ? [] : [FLAGGED],
      decide: async (state, now) => {
        const purposes = purposesOfGrant(register(this.parts, grant.businessId), grant);
        if ('refused' in purposes) throw refuse(purposes);
        const known = await joinedWithLinked(this.parts, grant.recipientId, state);
        const decision = decideGrant(known, { ...grant, purposes, heardAt, now });
        if ('refused' in decision) throw TIME_REFUSALS[decision.refused]();
        return { event: decision.event, ...effectIn(decision) };
      },
      effectOf: async (state, { data }, { recordedAt, position }) => {
        const purposes = this.categoriesOf(grant.businessId, 'purposes' in data ? data.purposes : []);
        const known = await joinedWithLinked(this.parts, grant.recipientId, state, position);
        const decision = decideGrant(known, { ...grant, purposes, heardAt: data.occurredAt, now: recordedAt });
        return 'refused' in decision ? {} : effectIn(decision);
      },
    });
  }

  /** Categories never change, also of purposes that were retired since. */
  private categoriesOf(businessId: string, purposes: readonly string[]): readonly PurposeFact[] {
    const state = register(this.parts, businessId);
    return purposes.map((id) => ({ id, category: purposeOf(state, id)?.category ?? 'marketing' }));
  }
}

function effectIn({ ineffectiveBecause, partly }: Extract<GrantDecision, { event: unknown }>): Partial<Effect> {
  return { ...(ineffectiveBecause ? { ineffectiveBecause } : {}), ...(partly ? { warnings: [PARTLY] } : {}) };
}

const FLAGGED = {
  field: 'disclosure',
  message: 'The grant cites no disclosure and is flagged: keep the proof of what the person was told.',
};

const PARTLY = {
  field: 'channels',
  message: 'A later revocation covers some of these channels and purposes: the grant has no effect there.',
};

const TIME_REFUSALS = {
  OCCURRED_IN_FUTURE: () =>
    occurredAtRefusal('OCCURRED_IN_FUTURE', 'Send when the person agreed; it lies too far ahead of the clock.'),
  OCCURRED_AT_REQUIRED: () =>
    occurredAtRefusal(
      'OCCURRED_AT_REQUIRED',
      'Send when the person agreed: without a date this method could undo a later opt-out.',
    ),
} as const;

export function occurredAtRefusal(code: 'OCCURRED_IN_FUTURE' | 'OCCURRED_AT_REQUIRED', message: string): Refusal {
  return new Refusal(code, message, { errors: [{ field: 'occurredAt', code, message }] });
}
