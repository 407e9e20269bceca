import type { CommandBus } from '@nestjs/cqrs';
import { activeLinks, instantOf, type Instant } from '#consent';
import { Refusal } from '#platform';
import type { Caller } from '../commands/caller.js';
import { LinkRecipients } from '../commands/link-recipients.js';
import { linkedStates } from '../commands/same-person.js';
import type { Parts } from '../parts.js';
import type { NamedRecipient } from '../requests/name-recipient.js';
import { addressOf } from '../requests/consent-requests.js';

/** A message, and everybody whom it names as the one who wrote it. */
export interface WrittenBy {
  readonly businessId: string;
  readonly people: readonly NamedRecipient[];
  readonly messageId: string;
  readonly claimedSecond: Instant | undefined;
}

/** Apart from that of the opt-out under the same message id: each is a command of its own. */
const OPERATION = 'whatsapp/links';

/** A person under their phone number and under the user id that WhatsApp names beside it. */
interface Pair extends Omit<WrittenBy, 'people'> {
  readonly phone: NamedRecipient;
  readonly userId: NamedRecipient;
}

/**
 * Links the two recipients of everybody whom WhatsApp names by number and by user id at once, unless they are linked
 * already: a later STOP may name one of them only, and must be heard for both. Rejects where a link could not be written.
 */
export class PeopleLinker {
  /** Links on their way, by the pair: of a delivery that comes several times at once each waits for the first. */
  private readonly underWay = new Map<string, Promise<void>>();

  constructor(
    private readonly commands: CommandBus,
    private readonly parts: Parts,
  ) {}

  /** The tasks of one delivery: one for each pair, however many messages name it. */
  tasksFor(messages: readonly WrittenBy[], caller: Caller): (() => Promise<void>)[] {
    const pairs = new Map(messages.flatMap(pairOf).map((pair) => [nameOf(pair), pair]));
    return [...pairs].map(
      ([name, pair]) =>
        () =>
          this.linkOnce(name, pair, caller),
    );
  }

  private linkOnce(name: string, pair: Pair, caller: Caller): Promise<void> {
    const underWay = this.underWay.get(name);
    if (underWay !== undefined) return underWay;
    const linking = this.link(pair, caller).finally(() => this.underWay.delete(name));
    this.underWay.set(name, linking);
    return linking;
  }

  private async link(pair: Pair, caller: Caller): Promise<void> {
    if (await this.isLinked(pair)) return;
    try {
      await this.commands.execute(new LinkRecipients(requestOf(pair, instantOf(this.parts.clock.now()), caller)));
    } catch (error) {
      if (!(error instanceof Refusal) || error.code !== 'CONFLICT') throw error;
      // It would be refused as often as it is sent again. Both have heard whatever this delivery says.
      this.parts.log.warn({ err: error }, 'a number and a user id that WhatsApp names together are not linked');
    }
  }

  /**
   * In whatever way: of two recipients only the latest link counts, and what a business has said of a changed number is
   * not undone by a message.
   */
  private async isLinked({ businessId, phone, userId }: Pair): Promise<boolean> {
    const { view } = this.parts;
    const looked = await view.lookUp(businessId, [phone.recipientId]);
    const state = looked.ok ? looked.states[0] : await this.inTheLedger(phone.recipientId);
    return state !== undefined && activeLinks(state).some(({ recipientId }) => recipientId === userId.recipientId);
  }

  private async inTheLedger(recipientId: string) {
    return (await linkedStates(this.parts, [recipientId], { isWanted: () => false })).get(recipientId);
  }
}

function nameOf({ phone, userId }: Pair): string {
  return `${phone.recipientId} ${userId.recipientId}`;
}

function pairOf({ people: [phone, userId], ...message }: WrittenBy): Pair[] {
  return phone === undefined || userId === undefined ? [] : [{ ...message, phone, userId }];
}

/** As of the message, or of now where it bears no time or one ahead of the clock: a webhook is not turned away for that. */
function requestOf({ businessId, phone, userId, messageId, claimedSecond }: Pair, now: Instant, caller: Caller) {
  const at = claimedSecond === undefined || claimedSecond > now ? now : claimedSecond;
  return {
    businessId,
    recipient: { recipientId: phone.recipientId, personal: { ...addressOf(phone), messageId } },
    other: { recipientId: userId.recipientId, personal: addressOf(userId) },
    kind: 'same_person',
    claimed: { precision: 'second', at },
    ...(claimedSecond === undefined ? {} : { claimedText: claimedSecond }),
    operation: OPERATION,
    key: messageId,
    request: { operation: OPERATION, messageId },
    caller,
  } as const;
}
