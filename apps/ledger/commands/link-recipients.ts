import { randomUUID } from 'node:crypto';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import {
  MAX_LOOKED_AT,
  activeLinks,
  decideLink,
  decideUnlink,
  type ActiveLink,
  type ClaimedTime,
  type Instant,
  type LinkDecision,
  type LinkKind,
  type RecipientState,
  type UnlinkDecision,
} from '#consent';
import type { ReadEvent } from '#event-store';
import { Refusal } from '#platform';
import { Parts } from '../parts.js';
import { together, type Effect, type Outcome, type Warning } from './answer.js';
import type { Caller } from './caller.js';
import { occurredAtRefusal } from './grant-consent.js';
import { carryOut, type RecipientCommand } from './recipient-command.js';
import { kindSaid, linkedWith } from './same-person.js';

/** One of the two, with what of it is only kept sealed under its own key. */
export interface LinkedRecipient {
  readonly recipientId: string;
  readonly personal: Readonly<Record<string, string>>;
}

export interface LinkRequest {
  readonly businessId: string;
  /** Of a changed number the one left behind; the command's answer is that of its stream. */
  readonly recipient: LinkedRecipient;
  readonly other: LinkedRecipient;
  readonly kind: LinkKind;
  readonly claimed: ClaimedTime;
  readonly claimedText?: string;
  /** The caller's `Idempotency-Key`. */
  readonly key?: string;
  /** Set where not the business but a provider says so, in a delivery with this id: what it comes to is then looked at. */
  readonly saidIn?: string;
  readonly request: unknown;
  readonly caller: Caller;
}

/**
 * Two recipients are one person, or a person changed from one number to another. Succeeds once the event is durable in
 * both streams. What a crash leaves half done is completed without anybody's doing, and by the same request sent again.
 */
export class LinkRecipients extends Command<Outcome> {
  constructor(readonly link: LinkRequest) {
    super();
  }
}

/** They are not, or no longer. Done when a link would be. */
export class UnlinkRecipients extends Command<Outcome> {
  constructor(readonly link: LinkRequest) {
    super();
  }
}

/** What a provider says of two recipients comes to something else by now: see `kindSaid`. Nothing was recorded. */
export class SaidOtherwise extends Error {}

/** The `Idempotency-Key` is one route's: an unlinking under the key of a link is a command of its own. */
const LINKS = 'links';
const UNLINKS = 'unlinks';

@CommandHandler(LinkRecipients)
export class LinkRecipientsHandler implements ICommandHandler<LinkRecipients> {
  constructor(private readonly parts: Parts) {}

  /**
   * The recipient's half first. Of a changed number that is the one left behind, and alone it only denies: the grants
   * wait for the other half. Of one person either half answers for its own side as both together will.
   */
  async execute({ link }: LinkRecipients): Promise<Outcome> {
    const [recipientHalf, otherHalf] = await halvesOf(this.parts, link, LINKS);
    const judge = (state: RecipientState, now: Instant) => decideLink(state, { ...sideOf(link, 'recipient'), now });
    const first = await carryOut(this.parts, {
      ...recipientHalf,
      decide: async (state, now, { events }) => {
        if (link.saidIn !== undefined) requireSaid(link, events);
        const { event } = required(judge(state, now));
        await this.requireRoom(link);
        return { event, ...effectIn(judge(state, now)), ...warningsIf(isOtherwiseLinked(state, link), REPLACED) };
      },
      effectOf: (state, _event, { recordedAt }) => ({
        ...effectIn(judge(state, recordedAt)),
        ...warningsIf(isOtherwiseLinked(state, link), REPLACED),
      }),
    });
    // As of the first half's time, so that whoever completes a link that broke off writes the same.
    const now = first.answer.recordedAt;
    const second = await carryOut(this.parts, {
      ...otherHalf,
      decide: async (state) => required(decideLink(state, { ...sideOf(link, 'other'), now })),
      effectOf: () => ({}),
    });
    return together([first, second]);
  }

  /** More than are looked at for one answer would all be answered no, in doubt. */
  private async requireRoom({ recipient, other }: LinkRequest): Promise<void> {
    const members = await linkedWith(this.parts, [recipient.recipientId, other.recipientId]);
    if (members.length <= MAX_LOOKED_AT) return;
    const message = `No more than ${MAX_LOOKED_AT} recipients may hang together; unlink some of them first.`;
    throw new Refusal('CONFLICT', message, { errors: [{ field: 'other', code: 'TOO_MANY_LINKED', message }] });
  }
}

@CommandHandler(UnlinkRecipients)
export class UnlinkRecipientsHandler implements ICommandHandler<UnlinkRecipients> {
  constructor(private readonly parts: Parts) {}

  /**
   * The other's half first, the reverse of linking: a number that was taken up loses the grants of the one left behind
   * before that one is no longer revoked. A reused key shows in the recipient's stream alone, which is read before.
   */
  async execute({ link }: UnlinkRecipients): Promise<Outcome> {
    const [recipientHalf, otherHalf] = await halvesOf(this.parts, link, UNLINKS);
    const judge = (state: RecipientState, now: Instant) => decideUnlink(state, { ...sideOf(link, 'recipient'), now });
    const others: Outcome[] = [];
    const unlinkOther = async (now: Instant) => {
      const decide = async (state: RecipientState) => required(decideUnlink(state, { ...sideOf(link, 'other'), now }));
      const outcome = await carryOut(this.parts, { ...otherHalf, decide, effectOf: () => ({}) });
      others.push(outcome);
      return outcome;
    };
    const first = await carryOut(this.parts, {
      ...recipientHalf,
      decide: async (state, now) => {
        required(judge(state, now));
        // Of a second attempt the other half is there already, and both are to say the same time.
        const { recordedAt } = (await unlinkOther(now)).answer;
        const decided = required(judge(state, recordedAt));
        return { event: decided.event, ...effectIn(decided), ...warningsIf(!isLinked(state, link), NOT_LINKED) };
      },
      effectOf: (state, _event, { recordedAt }) => ({
        ...effectIn(judge(state, recordedAt)),
        ...warningsIf(!isLinked(state, link), NOT_LINKED),
      }),
    });
    return together([first, others.at(-1) ?? (await unlinkOther(first.answer.recordedAt))]);
  }
}

/** To say less of two recipients than a delivery might say is always right. */
function requireSaid({ kind, recipient, other }: LinkRequest, events: readonly ReadEvent[]): void {
  const said = kindSaid(recipient.recipientId, other.recipientId, events);
  if (said === undefined || (kind === 'same_person' && said !== kind)) throw new SaidOtherwise();
}

type Half = Omit<RecipientCommand, 'decide' | 'effectOf'>;

/** Two events of one command. The key belongs to the recipient's; the other is known by the command. */
async function halvesOf({ ids, vault }: Parts, link: LinkRequest, route: string): Promise<readonly [Half, Half]> {
  const { businessId, recipient, other, key, saidIn, request, caller } = link;
  // What a delivery says is the same whenever it comes, so that its id alone tells it.
  const [operation, unique] = saidIn === undefined ? [route, key ?? randomUUID()] : [`said/${route}`, saidIn];
  const commandId = ids.commandId(businessId, operation, recipient.recipientId, unique);
  const fingerprint = key === undefined ? undefined : await vault.fingerprint(recipient.recipientId, request);
  const shared = { businessId, operation, request, caller, lane: 'normal', warnings: [] } as const;
  return [
    { ...shared, ...recipient, ...(key === undefined ? {} : { key }), part: { commandId, index: 0, fingerprint } },
    { ...shared, ...other, part: { commandId, index: 1, fingerprint } },
  ];
}

/** What is said in the stream of one of them, of the other one. */
function sideOf(link: LinkRequest, side: 'recipient' | 'other') {
  const { businessId, kind, claimed, claimedText } = link;
  const [other, role] = side === 'recipient' ? [link.other, 'old' as const] : [link.recipient, 'new' as const];
  const what = kind === 'changed_number' ? { kind, role } : { kind };
  const claim = { claimed, ...(claimedText === undefined ? {} : { claimedText }) };
  return { businessId, other: other.recipientId, ...what, ...claim };
}

function required<D extends LinkDecision | UnlinkDecision>(decision: D): Exclude<D, { refused: unknown }> {
  if ('refused' in decision) throw occurredAtRefusal(decision.refused, TIME_REFUSALS[decision.refused]);
  return decision as Exclude<D, { refused: unknown }>;
}

function effectIn(decision: LinkDecision | UnlinkDecision): Partial<Effect> {
  const because = 'refused' in decision ? undefined : decision.ineffectiveBecause;
  return because === undefined ? {} : { ineffectiveBecause: because };
}

function linkTo(state: RecipientState, { other }: LinkRequest): ActiveLink | undefined {
  return activeLinks(state).find(({ recipientId }) => recipientId === other.recipientId);
}

function isLinked(state: RecipientState, link: LinkRequest): boolean {
  return linkTo(state, link) !== undefined;
}

/** Of two recipients only the latest link counts, so another kind, or the way back, takes the place of what was said. */
function isOtherwiseLinked(state: RecipientState, link: LinkRequest): boolean {
  const known = linkTo(state, link);
  return known !== undefined && (known.kind !== link.kind || known.role === 'new');
}

function warningsIf(isSo: boolean, warning: Warning): { warnings?: readonly Warning[] } {
  return isSo ? { warnings: [warning] } : {};
}

const REPLACED: Warning = {
  field: 'kind',
  message: 'The two were linked otherwise before; of two recipients only the latest link counts.',
};

const NOT_LINKED: Warning = {
  field: 'other',
  message: 'No link between the two holds: this only undoes one that is recorded later and dated before it.',
};

const TIME_REFUSALS = {
  OCCURRED_IN_FUTURE: 'Send since when it is so; it lies too far ahead of the clock.',
  OCCURRED_AT_REQUIRED: 'Send since when it is so.',
} as const;
