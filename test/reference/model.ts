import type { Category, Channel, ConsentEvent, Instant, Question, Reason } from '#consent';
import {
  byConfirmation,
  byEndThenTime,
  covers,
  endOf,
  FOREVER,
  isIn,
  isOn,
  isProvidersStop,
  latestOf,
  plus,
  timeOf,
  type Happening,
  type Life,
  type Of,
} from './happening.js';

const DAY = 24 * 60 * 60 * 1000;

export interface Answer {
  readonly eligible: boolean;
  readonly reason: Reason;
  readonly basis?: string;
  readonly validUntil?: Instant;
  readonly windowOpenUntil?: Instant;
}

interface Way {
  readonly id: string;
  readonly life: Life;
  readonly until: Instant;
}

/**
 * The rules of consent a second time, slow and obvious: every answer is made from the plain list of what happened, by
 * reading it as often as the prose of the rules does. No state is kept and nothing is joined, so that a mistake in the
 * join or in the decision shows as a difference.
 */
export class ReferenceModel {
  constructor(private readonly history: readonly Happening[]) {}

  answer(recipientId: string, question: Question): Answer {
    const unreadable = latestOf(this.everybody(recipientId).flatMap((id) => this.all('Unreadable', id)));
    if (unreadable) return { eligible: false, reason: 'STATE_UNREADABLE', basis: unreadable.eventId };
    const block = latestOf(this.blocks(recipientId, question.channel));
    const writtenSince = this.contacts(recipientId, question.channel).some(
      (one) => block && timeOf(one) > timeOf(block),
    );
    if (block && !writtenSince) return { eligible: false, reason: 'BLOCKED', basis: block.eventId };
    const windowOpenUntil = this.windowEnd(recipientId, question);
    return { ...this.answerReachable(recipientId, question), ...(windowOpenUntil ? { windowOpenUntil } : {}) };
  }

  private answerReachable(recipientId: string, question: Question): Answer {
    if (question.purpose === 'opt_out_confirmation') return this.answerConfirmation(recipientId, question);
    return question.category === 'service'
      ? this.answerService(recipientId, question)
      : this.answerConsent(recipientId, question);
  }

  private answerConfirmation(recipientId: string, { channel, now }: Question): Answer {
    const no: Answer = { eligible: false, reason: 'NO_RECENT_OPT_OUT' };
    const [confirmed] = this.confirmations(recipientId, channel);
    if (!confirmed) return no;
    const until = confirmed.event.data.confirmUntil as Instant;
    const erasedSince = this.everybody(recipientId)
      .flatMap((id) => this.all('RecipientErased', id))
      .some((erased) => timeOf(erased) >= timeOf(confirmed));
    if (erasedSince || now >= until) return no;
    return { eligible: true, reason: 'OPT_OUT_CONFIRMATION', basis: confirmed.eventId, validUntil: until };
  }

  private answerService(recipientId: string, question: Question): Answer {
    const objection = latestOf(this.noes(recipientId, question));
    const contact = latestOf(this.contacts(recipientId, question.channel, question.sender));
    if (objection && (!contact || timeOf(contact) <= timeOf(objection))) {
      return { eligible: false, reason: 'REVOKED', basis: objection.eventId };
    }
    const end = contact && plus(timeOf(contact), DAY);
    if (contact && end && question.now < end) {
      return { eligible: true, reason: 'SERVICE_WINDOW_OPEN', basis: contact.eventId, validUntil: end };
    }
    return { eligible: false, reason: 'SERVICE_WINDOW_CLOSED', ...(contact ? { basis: contact.eventId } : {}) };
  }

  private answerConsent(recipientId: string, question: Question): Answer {
    const noes = this.noes(recipientId, question);
    const grants = this.grants(recipientId, question.channel, question.purpose);
    const standing = grants.filter((grant) => noes.every((no) => timeOf(grant) > timeOf(no))).sort(byEndThenTime);
    const longest = standing.at(-1);
    if (longest && question.now < endOf(longest)) {
      const validUntil = longest.event.data.expiresAt;
      return {
        eligible: true,
        reason: 'CONSENTED',
        basis: longest.eventId,
        ...(validUntil === undefined ? {} : { validUntil }),
      };
    }
    const objection = latestOf(noes);
    const needsConsent =
      question.channel === 'whatsapp' || question.category === 'marketing' || question.requires === 'consent';
    if (objection && !(needsConsent && longest)) {
      return { eligible: false, reason: 'REVOKED', basis: objection.eventId };
    }
    if (!needsConsent) return { eligible: true, reason: 'NO_OBJECTION' };
    return longest
      ? { eligible: false, reason: 'EXPIRED', basis: longest.eventId }
      : { eligible: false, reason: 'NO_CONSENT' };
  }

  /** In the 24 hours after the last contact a reply may be sent, unless a no that covers replies came since. */
  private windowEnd(recipientId: string, { channel, sender, purpose, category, now }: Question): Instant | undefined {
    const contact = latestOf(this.contacts(recipientId, channel, sender));
    if (!contact) return undefined;
    const reply = { channel, purpose: category === 'service' ? purpose : 'service', category: 'service' } as const;
    const saidNo = this.noes(recipientId, reply).some((no) => timeOf(no) >= timeOf(contact));
    const end = plus(timeOf(contact), DAY);
    return saidNo || now >= end ? undefined : end;
  }

  /** Every no that covers a purpose on a channel, of the recipient and of everybody linked to it. */
  private noes(
    recipientId: string,
    topic: { readonly channel: Channel; readonly purpose: string; readonly category: Category },
  ): Happening[] {
    const members = this.everybody(recipientId);
    const revocations = members.flatMap((id) => this.revocations(id)).filter(({ event }) => covers(event, topic));
    const erasures = members.flatMap((id) => this.all('RecipientErased', id));
    const stops = topic.category === 'marketing' ? this.standingStops(recipientId, topic.channel) : [];
    return [...revocations, ...erasures, ...stops, ...this.handovers(recipientId)];
  }

  private revocations(recipientId: string): Of<'ConsentRevoked'>[] {
    return this.all('ConsentRevoked', recipientId).filter((one) => !isProvidersStop(one));
  }

  private blocks(recipientId: string, channel: Channel): Of<'ConsentRevoked'>[] {
    return this.everybody(recipientId)
      .flatMap((id) => this.all('ConsentRevoked', id))
      .filter(({ event }) => event.data.method === 'block' && isOn(event, channel));
  }

  /** A provider's own stop stands while no later resume of one person lifts it; per sender the latest of each counts. */
  private standingStops(recipientId: string, channel: Channel): Happening[] {
    const senders = new Set(
      this.history.flatMap(({ event }) => ('sender' in event.data && event.data.sender ? [event.data.sender] : [])),
    );
    return [...senders].flatMap((sender) => {
      const stop = latestOf(this.everybody(recipientId).flatMap((id) => this.unliftedStop(id, channel, sender)));
      const own = latestOf(this.resumes(recipientId, channel, sender));
      const shared = this.onePerson(recipientId).flatMap(({ id, life }) => {
        const resume = latestOf(this.resumes(id, channel, sender));
        return resume && isIn(life, timeOf(resume)) ? [resume] : [];
      });
      const lifted = [own, ...shared].some((resume) => resume && stop && timeOf(resume) > timeOf(stop));
      return stop && !lifted ? [stop] : [];
    });
  }

  private unliftedStop(id: string, channel: Channel, sender: string): Happening[] {
    const stop = latestOf(
      this.all('ConsentRevoked', id).filter(
        (one) => isProvidersStop(one) && isOn(one.event, channel) && one.event.data.sender === sender,
      ),
    );
    const resume = latestOf(this.resumes(id, channel, sender));
    if (!stop) return [];
    const isTheirs = resume && this.handovers(id).every((handover) => timeOf(resume) <= timeOf(handover));
    return resume && isTheirs && timeOf(resume) > timeOf(stop) ? [] : [stop];
  }

  private resumes(id: string, channel: Channel, sender: string): Happening[] {
    return this.all('PreferenceResumed', id).filter(
      ({ event }) => event.data.channel === channel && event.data.sender === sender,
    );
  }

  private grants(recipientId: string, channel: Channel, purpose: string): Of<'ConsentGranted'>[] {
    const crossing = this.ways(recipientId).flatMap(({ id, life, until }) =>
      this.unbeatenGrants(id, channel, purpose).filter((one) => isIn(life, timeOf(one)) && timeOf(one) <= until),
    );
    return [...this.unbeatenGrants(recipientId, channel, purpose), ...crossing];
  }

  /** Of one recipient: those that no other beats in both when it was given and how long it lasts. */
  private unbeatenGrants(id: string, channel: Channel, purpose: string): Of<'ConsentGranted'>[] {
    const grants = this.all('ConsentGranted', id).filter(
      ({ event }) => event.data.channels.includes(channel) && event.data.purposes.includes(purpose),
    );
    const beats = (one: Of<'ConsentGranted'>, other: Of<'ConsentGranted'>) => {
      const equal = timeOf(one) === timeOf(other) && endOf(one) === endOf(other);
      return equal ? one.eventId > other.eventId : timeOf(one) >= timeOf(other) && endOf(one) >= endOf(other);
    };
    return grants.filter((grant) => !grants.some((other) => other !== grant && beats(other, grant)));
  }

  /** The latest contact with each sender: the recipient's own, and those of the same person's other addresses. */
  private contacts(recipientId: string, channel: Channel, sender?: string): Happening[] {
    const shared = this.onePerson(recipientId).flatMap(({ id, life }) =>
      this.latestContacts(id, channel).filter((one) => isIn(life, timeOf(one))),
    );
    return [...this.latestContacts(recipientId, channel), ...shared].filter(
      ({ event }) => sender === undefined || event.data.sender === sender,
    );
  }

  private latestContacts(id: string, channel: Channel): Of<'UserMessaged'>[] {
    const contacts = this.all('UserMessaged', id).filter(({ event }) => event.data.channel === channel);
    return contacts.filter((one) => {
      const sameSender = contacts.filter(({ event }) => event.data.sender === one.event.data.sender);
      return latestOf(sameSender) === one;
    });
  }

  private confirmations(recipientId: string, channel: Channel): Of<'ConsentRevoked'>[] {
    const current = { id: recipientId, life: this.lifeAt(recipientId, FOREVER) };
    return [current, ...this.onePerson(recipientId)]
      .flatMap(({ id, life }) => {
        const [longest] = this.all('ConsentRevoked', id)
          .filter(
            ({ event }) => event.data.confirmUntil !== undefined && event.data.channels.includes(channel as never),
          )
          .filter(({ event }) => ['keyword', 'button', 'provider_opt_out'].includes(event.data.method))
          .sort(byConfirmation);
        return longest && isIn(life, timeOf(longest)) ? [longest] : [];
      })
      .sort(byConfirmation);
  }

  /** The links of one recipient that hold: of link and unlink the later, on a tie the link. */
  private links(id: string): Of<'RecipientLinked'>[] {
    const links = this.all('RecipientLinked', id);
    return links.filter((link) => {
      const { other } = link.event.data;
      const unlink = latestOf(this.all('RecipientUnlinked', id).filter(({ event }) => event.data.other === other));
      const isLatest = latestOf(links.filter(({ event }) => event.data.other === other)) === link;
      return isLatest && !(unlink && timeOf(unlink) > timeOf(link));
    });
  }

  private handovers(id: string): Of<'RecipientLinked'>[] {
    return this.links(id).filter(({ event }) => event.data.kind === 'changed_number' && event.data.role !== 'new');
  }

  private everybody(recipientId: string): string[] {
    const found = [recipientId];
    for (const id of found) {
      for (const { event } of this.links(id)) if (!found.includes(event.data.other)) found.push(event.data.other);
    }
    return found;
  }

  private lifeAt(id: string, instant: Instant): Life {
    const handovers = this.handovers(id).map(timeOf).sort();
    const after = handovers.filter((one) => one < instant).at(-1) ?? '';
    return { after, until: handovers.find((one) => one >= instant) ?? FOREVER };
  }

  /** Every way over links on which what allows may come to a recipient, tried out one by one. */
  private ways(recipientId: string): Way[] {
    const start: Way = { id: recipientId, life: this.lifeAt(recipientId, FOREVER), until: FOREVER };
    return this.waysOn(start, []).filter(({ id }) => id !== recipientId);
  }

  private waysOn(from: Way, visited: readonly string[]): Way[] {
    const here = `${from.id} ${from.life.until}`;
    if (visited.includes(here)) return [];
    const onwards = this.links(from.id).flatMap((link) => {
      const { other, kind, role } = link.event.data;
      const linkedAt = timeOf(link);
      if (!isIn(from.life, linkedAt) || kind === 'same_number' || (kind === 'changed_number' && role !== 'new'))
        return [];
      const until = kind === 'same_person' || from.until < linkedAt ? from.until : linkedAt;
      return this.waysOn({ id: other, life: this.lifeAt(other, linkedAt), until }, [...visited, here]);
    });
    return [from, ...onwards];
  }

  /** The addresses that belong to the same person: no changed number lies on the way. */
  private onePerson(recipientId: string): Way[] {
    return this.ways(recipientId).filter(({ until }) => until === FOREVER);
  }

  private all<T extends ConsentEvent['type']>(type: T, recipientId: string): Of<T>[] {
    return this.history.filter((one): one is Of<T> => one.event.type === type && one.recipientId === recipientId);
  }
}
