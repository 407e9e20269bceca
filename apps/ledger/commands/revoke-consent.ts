import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import {
  decideRevocation,
  earliestOf,
  type All,
  type Category,
  type Channel,
  type ClaimedTime,
  type Instant,
  type RevocationMethod,
} from '#consent';
import { Parts } from '../parts.js';
import type { Outcome, Warning } from './answer.js';
import type { Caller } from './caller.js';
import { newestOf, newestWithLinked, recentMessagesOf } from './newest.js';
import { carryOut } from './recipient-command.js';

export interface RevocationRequest {
  readonly businessId: string;
  readonly recipientId: string;
  readonly operation: string;
  readonly channels: readonly Channel[] | readonly [All];
  readonly purposes: readonly string[];
  readonly categories: readonly Category[] | readonly [All];
  readonly method: RevocationMethod;
  readonly sender?: string;
  readonly evidenceSha256?: string;
  readonly claimed: ClaimedTime;
  readonly claimedText?: string;
  readonly personal: Readonly<Record<string, string>>;
  readonly warnings: readonly Warning[];
  readonly key?: string;
  readonly request: unknown;
  readonly oneRequestPerKey?: true;
  readonly caller: Caller;
}

/** Somebody said stop. It is recorded whatever else is the matter. */
export class RevokeConsent extends Command<Outcome> {
  constructor(readonly revocation: RevocationRequest) {
    super();
  }
}

@CommandHandler(RevokeConsent)
export class RevokeConsentHandler implements ICommandHandler<RevokeConsent> {
  constructor(private readonly parts: Parts) {}

  execute({ revocation }: RevokeConsent): Promise<Outcome> {
    const recent = recentMessagesOf(this.parts, revocation);
    return carryOut(this.parts, {
      ...revocation,
      lane: 'revocation',
      decide: async (state, now, history) => {
        const own = await newestOf(history, recent);
        // What the view tells is already joined with what it knows of those linked to the person.
        const newest = history.state ? own : await newestWithLinked(this.parts, revocation.recipientId, state, own);
        const { unread } = history;
        const asked = { ...revocation, ...newest, ...(unread ? { unread } : {}), now };
        return { event: decideRevocation(state, asked), ...ahead(revocation, now) };
      },
      effectOf: (_before, _event, { recordedAt }) => ahead(revocation, recordedAt),
    });
  }
}

function ahead({ claimed }: RevocationRequest, now: Instant): { warnings?: readonly Warning[] } {
  const isAhead = (earliestOf(claimed) ?? now) > now;
  return isAhead ? { warnings: [{ field: 'occurredAt', message: 'Lies in the future: counted as now.' }] } : {};
}
