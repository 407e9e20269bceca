import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import {
  decideRevocation,
  earliestOf,
  type All,
  type Category,
  type Channel,
  type ClaimedTime,
  type Instant,
  type Revocation,
  type RevocationMethod,
} from '#consent';
import { Parts } from '../parts.js';
import type { Outcome, Warning } from './answer.js';
import type { Caller } from './caller.js';
import type { History } from './handle.js';
import { newestOf, newestWithLinked, recentMessagesOf, type Newest } from './newest.js';
import { carryOut } from './recipient-command.js';

export interface RevocationRequest {
  readonly businessId: string;
  readonly recipientId: string;
  readonly operation: string;
  readonly channels: readonly Channel[] | readonly [All];
  readonly purposes: readonly string[];
  readonly categories: readonly Category[] | readonly [All];
  readonly method: RevocationMethod;
  readonly sender?: string | undefined;
  readonly evidenceSha256?: string | undefined;
  readonly claimed: ClaimedTime;
  readonly claimedText?: string | undefined;
  readonly personal: Readonly<Record<string, string>>;
  readonly warnings: readonly Warning[];
  readonly key?: string | undefined;
  readonly request: unknown;
  readonly oneRequestPerKey?: true | undefined;
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
    const { recipientId, claimed } = revocation;
    const recent = recentMessagesOf(this.parts, revocation);
    // Member by member, as what is spread is built and read the slow way.
    return carryOut(this.parts, {
      businessId: revocation.businessId,
      recipientId,
      operation: revocation.operation,
      key: revocation.key,
      oneRequestPerKey: revocation.oneRequestPerKey,
      request: revocation.request,
      personal: revocation.personal,
      warnings: revocation.warnings,
      caller: revocation.caller,
      lane: 'revocation',
      decide: async (state, now, history) => {
        const own = await newestOf(history, recent);
        // What the view tells is already joined with what it knows of those linked to the person.
        const newest = history.state ? own : await newestWithLinked(this.parts, recipientId, state, own);
        const event = decideRevocation(state, askedBy(revocation, newest, history, now));
        return { event, warnings: ahead(claimed, now) };
      },
      effectOf: (_before, _event, { recordedAt }) => ({ warnings: ahead(claimed, recordedAt) }),
    });
  }
}

/** Every member is named, so that none is forgotten. */
type Whole<T> = { [K in keyof Required<T>]: T[K] };

function askedBy(revocation: RevocationRequest, newest: Newest, { unread }: History, now: Instant): Whole<Revocation> {
  return {
    businessId: revocation.businessId,
    channels: revocation.channels,
    purposes: revocation.purposes,
    categories: revocation.categories,
    method: revocation.method,
    sender: revocation.sender,
    evidenceSha256: revocation.evidenceSha256,
    claimed: revocation.claimed,
    claimedText: revocation.claimedText,
    newestContactAt: newest.newestContactAt,
    newestLinkedAt: newest.newestLinkedAt,
    newestRecordedAt: newest.newestRecordedAt,
    linkedConfirmations: newest.linkedConfirmations,
    unread,
    now,
  };
}

function ahead(claimed: ClaimedTime, now: Instant): readonly Warning[] {
  const isAhead = (earliestOf(claimed) ?? now) > now;
  return isAhead ? [{ field: 'occurredAt', message: 'Lies in the future: counted as now.' }] : [];
}
