import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import {
  EMPTY_STATE,
  decideRevocation,
  earliestOf,
  type All,
  type Category,
  type Channel,
  type ClaimedTime,
  type Instant,
  type RecipientState,
  type RevocationMethod,
} from '#consent';
import { readEvent, type StoredEvent } from '#event-store';
import { foldStored } from '#view';
import { Parts } from '../parts.js';
import type { Outcome, Warning } from './answer.js';
import { inTime, type History } from './handle.js';
import type { Caller } from './caller.js';
import { carryOut, mayGlance } from './recipient-command.js';

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
    // Over a network the two readings wait for each other's answer no longer than they must.
    const early = mayGlance(this.parts.store, revocation)
      ? undefined
      : recentMessages(this.parts, revocation.recipientId);
    const recent = () => early ?? recentMessages(this.parts, revocation.recipientId);
    return carryOut(this.parts, {
      ...revocation,
      lane: 'revocation',
      decide: async (state, now, history) => {
        const newest = await newestOf(history, recent);
        return { event: decideRevocation(state, { ...revocation, ...newest, now }), ...ahead(revocation, now) };
      },
      effectOf: (_before, _event, recordedAt) => ahead(revocation, recordedAt),
    });
  }
}

function ahead({ claimed }: RevocationRequest, now: Instant): { warnings?: readonly Warning[] } {
  const isAhead = (earliestOf(claimed) ?? now) > now;
  return isAhead ? { warnings: [{ field: 'occurredAt', message: 'Lies in the future: counted as now.' }] } : {};
}

/** How many of the latest messages are looked at for the newest contact. */
const RECENT_MESSAGES = 500;

/** What is known of the person that an undated no must not fall behind. */
async function newestOf(history: History, recent: () => Promise<readonly StoredEvent[]>) {
  if (history.state) return newestIn(history.state, []);
  // Where one stream could not be read the other will not be either, and the person has waited long enough.
  const messages = history.unread ? [] : await recent();
  const recorded = [...history.events, ...messages.map(readEvent)].map(({ metadata }) => metadata.recordedAt);
  return newestIn(foldStored(EMPTY_STATE, messages), recorded);
}

/** What a cell no longer holds has been outranked by what it does, so nothing in it can outrank the opt-out. */
function newestIn(
  { grants, revocations, blocks, contacts }: RecipientState,
  recorded: readonly (Instant | undefined)[],
) {
  const cells = [...grants, ...revocations, ...blocks, ...contacts].map(({ recordedAt }) => recordedAt);
  return {
    ...latestIn(
      'newestContactAt',
      contacts.map(({ occurredAt }) => occurredAt),
    ),
    ...latestIn('newestRecordedAt', [...recorded, ...cells]),
  };
}

/** A conversation that cannot be read does not hold up an opt-out. */
async function recentMessages({ store, log }: Parts, recipientId: string): Promise<readonly StoredEvent[]> {
  try {
    const options = { direction: 'backwards', limit: RECENT_MESSAGES } as const;
    return await inTime(store.readStream(`conversation-${recipientId}`, options));
  } catch (error) {
    log.error({ err: error }, 'a revocation is decided without the conversation, which cannot be read');
    return [];
  }
}

function latestIn<K extends string>(name: K, instants: readonly (Instant | undefined)[]): { [P in K]?: Instant } {
  const latest = instants.reduce((one, other) => ((other ?? '') > (one ?? '') ? other : one), undefined);
  return latest === undefined ? {} : ({ [name]: latest } as { [P in K]?: Instant });
}
