import type { CommandBus } from '@nestjs/cqrs';
import { activeLinks, instantOf, type Instant, type RecipientState } from '#consent';
import { RevisionConflict, StoreUnavailable } from '#event-store';
import { Refusal } from '#platform';
import type { SamePerson } from '#providers';
import { PROVIDER_ACTOR, type Caller } from '../commands/caller.js';
import { readHistory } from '../commands/handle.js';
import { LinkRecipients, SaidOtherwise, type LinkedRecipient, type LinkRequest } from '../commands/link-recipients.js';
import { kindSaid } from '../commands/same-person.js';
import type { Parts } from '../parts.js';
import { addressOf } from '../requests/consent-requests.js';
import { nameRecipient, type NamedRecipient } from '../requests/name-recipient.js';

/** Whoever has the delivery read again: it is WhatsApp's word. */
const ACTOR = `${PROVIDER_ACTOR}whatsapp`;

/** Others may say something of the two in between; hardly ever more than once. */
const TRIES = 3;

/** What a delivery says, before it is known what that comes to. */
type Said = Omit<LinkRequest, 'kind'>;

/** The two recipients that somebody is, for one business. */
interface Pair {
  readonly businessId: string;
  readonly phone: NamedRecipient;
  readonly userId: NamedRecipient;
}

/**
 * Links the two recipients of whom WhatsApp names by number and by user id at once, where that is new: a later STOP may
 * name one of them only, and must be heard for both.
 */
export class PeopleLinker {
  /** Links on their way, by the pair: of a delivery that comes several times at once each waits for the first. */
  private readonly underWay = new Map<string, Promise<void>>();

  constructor(
    private readonly commands: CommandBus,
    private readonly parts: Parts,
  ) {}

  /**
   * `heardAt`: when the delivery came in, where that was earlier. Rejects where the link could not be written, and may be
   * when it is said again.
   */
  link(businessId: string, person: SamePerson, caller: Caller, heardAt?: Instant): Promise<void> {
    const pair = this.pairOf(businessId, person);
    if (pair === undefined) return Promise.resolve();
    const name = `${pair.phone.recipientId} ${pair.userId.recipientId}`;
    const underWay = this.underWay.get(name);
    if (underWay !== undefined) return underWay;
    const request = requestOf(pair, person, heardAt ?? instantOf(this.parts.clock.now()), caller);
    const linking = this.linkUnlessSettled(request).finally(() => this.underWay.delete(name));
    this.underWay.set(name, linking);
    return linking;
  }

  /** Strictly, as for a grant: a link allows as well as denies, and what is no number may be said of anybody. */
  private pairOf(businessId: string, person: SamePerson): Pair | undefined {
    const phone = nameRecipient(this.parts, businessId, { phone: `+${person.phone.digits}` });
    const userId = nameRecipient(this.parts, businessId, { whatsappUserId: person.userId.value });
    return phone instanceof Refusal || userId instanceof Refusal ? undefined : { businessId, phone, userId };
  }

  private async linkUnlessSettled(said: Said): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      const kind = await this.kindOf(said);
      if (kind === undefined) return;
      try {
        await this.commands.execute(new LinkRecipients({ ...said, kind }));
        return;
      } catch (error) {
        if (error instanceof SaidOtherwise && tries < TRIES) continue;
        // Nothing is the matter with the delivery, and it will be sent again.
        if (error instanceof SaidOtherwise || error instanceof RevisionConflict)
          throw new StoreUnavailable('others write to the same stream');
        if (!(error instanceof Refusal) || error.code !== 'CONFLICT') throw error;
        // It would be refused as often as it is sent again. Both have heard whatever this delivery says.
        this.parts.log.warn({ err: error }, 'a number and a user id that WhatsApp names together are not linked');
        return;
      }
    }
  }

  /**
   * By the view as far as it knows, so that a message of two who are linked costs no reading of streams. Nobody is to be
   * kept only for being named: of one of the two something must be known.
   */
  private async kindOf({ businessId, recipient, other }: Said): Promise<'same_person' | 'same_number' | undefined> {
    const looked = await this.parts.view.lookUp(businessId, [recipient.recipientId, other.recipientId]);
    if (looked.ok && looked.states.every((state) => state === undefined)) return undefined;
    if (looked.ok && isLinkedTo(other, looked.states[0])) return undefined;
    const ofNumber = await this.saidBy(recipient, other);
    const ofUserId = await this.saidBy(other, recipient);
    return ofNumber === undefined || ofUserId === 'same_person' ? ofNumber : ofUserId;
  }

  private async saidBy({ recipientId }: LinkedRecipient, other: LinkedRecipient) {
    const { events } = await readHistory(this.parts.store, `consent-${recipientId}`);
    return kindSaid(recipientId, other.recipientId, events);
  }
}

function isLinkedTo(other: LinkedRecipient, state: RecipientState | undefined): boolean {
  return state !== undefined && activeLinks(state).some(({ recipientId }) => recipientId === other.recipientId);
}

/**
 * As of what names them, or of when that was heard where it bears no time or a later one: a webhook is not turned away for
 * it. Its id carries the number, and is sealed with that alone.
 */
function requestOf(
  { businessId, phone, userId }: Pair,
  { messageId, claimedSecond }: SamePerson,
  heardAt: Instant,
  caller: Caller,
): Said {
  const at = claimedSecond === undefined || claimedSecond > heardAt ? heardAt : claimedSecond;
  return {
    businessId,
    recipient: { recipientId: phone.recipientId, personal: { ...addressOf(phone), messageId } },
    other: { recipientId: userId.recipientId, personal: addressOf(userId) },
    claimed: { precision: 'second', at },
    ...(claimedSecond === undefined ? {} : { claimedText: claimedSecond }),
    saidIn: messageId,
    request: { messageId },
    caller: { ...caller, actor: ACTOR },
  };
}
