import type { CommandBus } from '@nestjs/cqrs';
import { activeLinks, instantOf, type Instant, type RecipientState } from '#consent';
import { Refusal } from '#platform';
import type { SamePerson } from '#providers';
import type { Caller } from '../commands/caller.js';
import { LinkRecipients, type LinkRequest } from '../commands/link-recipients.js';
import { linkedStates } from '../commands/same-person.js';
import type { Parts } from '../parts.js';
import { addressOf } from '../requests/consent-requests.js';
import { nameRevoked, type NamedRecipient } from '../requests/name-recipient.js';

/** Apart from that of the opt-out under the same message id: each is a command of its own. */
const OPERATION = 'whatsapp/links';

/** The two recipients that somebody is, for one business. */
interface Pair {
  readonly businessId: string;
  readonly phone: NamedRecipient;
  readonly userId: NamedRecipient;
}

/**
 * Links the two recipients of whom WhatsApp names by number and by user id at once, unless they are linked already: a
 * later STOP may name one of them only, and must be heard for both.
 */
export class PeopleLinker {
  /** Links on their way, by the pair: of a delivery that comes several times at once each waits for the first. */
  private readonly underWay = new Map<string, Promise<void>>();

  constructor(
    private readonly commands: CommandBus,
    private readonly parts: Parts,
  ) {}

  /** Rejects where the link could not be written, and may be when it is said again. */
  link(businessId: string, person: SamePerson, caller: Caller): Promise<void> {
    const pair = this.pairOf(businessId, person);
    if (pair === undefined) return Promise.resolve();
    const name = `${pair.phone.recipientId} ${pair.userId.recipientId}`;
    const underWay = this.underWay.get(name);
    if (underWay !== undefined) return underWay;
    const linking = this.linkUnlessLinked(pair, person, caller).finally(() => this.underWay.delete(name));
    this.underWay.set(name, linking);
    return linking;
  }

  private pairOf(businessId: string, person: SamePerson): Pair | undefined {
    const [phone] = nameRevoked(this.parts, businessId, { phone: `+${person.phone.digits}` }).recipients;
    const [userId] = nameRevoked(this.parts, businessId, { whatsappUserId: person.userId.value }).recipients;
    return phone && userId && { businessId, phone, userId };
  }

  private async linkUnlessLinked(pair: Pair, person: SamePerson, caller: Caller): Promise<void> {
    if (!(await this.isToBeLinked(pair))) return;
    const now = instantOf(this.parts.clock.now());
    try {
      await this.commands.execute(new LinkRecipients(requestOf(pair, person, now, caller)));
    } catch (error) {
      if (!(error instanceof Refusal) || error.code !== 'CONFLICT') throw error;
      // It would be refused as often as it is sent again. Both have heard whatever this delivery says.
      this.parts.log.warn({ err: error }, 'a number and a user id that WhatsApp names together are not linked');
    }
  }

  /**
   * Nobody is to be kept only for being named: of one of the two something must be known. And a link in any way will do:
   * of two recipients only the latest counts, and what a business has said of a changed number no message undoes.
   */
  private async isToBeLinked({ businessId, phone, userId }: Pair): Promise<boolean> {
    const looked = await this.parts.view.lookUp(businessId, [phone.recipientId, userId.recipientId]);
    if (!looked.ok) return !isLinkedTo(userId, await this.inTheLedger(phone));
    const [own, other] = looked.states;
    return (own !== undefined || other !== undefined) && !isLinkedTo(userId, own);
  }

  private async inTheLedger({ recipientId }: NamedRecipient): Promise<RecipientState | undefined> {
    return (await linkedStates(this.parts, [recipientId], { isWanted: () => false })).get(recipientId);
  }
}

function isLinkedTo(other: NamedRecipient, state: RecipientState | undefined): boolean {
  return state !== undefined && activeLinks(state).some(({ recipientId }) => recipientId === other.recipientId);
}

/** As of what names them, or of now where that bears no time or one ahead of the clock: a webhook is not turned away for it. */
function requestOf(
  { businessId, phone, userId }: Pair,
  { messageId, claimedSecond }: SamePerson,
  now: Instant,
  caller: Caller,
): LinkRequest {
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
  };
}
