import {
  EMPTY_BUSINESS,
  RULES_VERSION,
  explain,
  judgeUnder,
  topicUnder,
  type AskedTopic,
  type Basis,
  type Instant,
  type Reason,
  type RecipientState,
  type Topic,
  type TopicRefusal,
} from '#consent';
import type { Position, StoredEvent } from '#event-store';
import {
  businessOf,
  projectBusiness,
  projectRecipient,
  recipientOf,
  stateFor,
  stateWithLinked,
  type BusinessRow,
  type RecipientRow,
} from '#view';

export interface Asked extends AskedTopic {
  readonly businessId: string;
  readonly recipientId: string;
}

/** The answer to the question as of an instant, over what the ledger held up to a position. */
export interface Answer {
  readonly eligible: boolean;
  /** A refusal instead of a reason: by the register as it was then, the question could not even be asked. */
  readonly reason: Reason | TopicRefusal;
  readonly explanation: string;
  readonly recipientId: string;
  readonly channel?: string | undefined;
  readonly purpose?: string | undefined;
  readonly category?: string;
  readonly basis?: Basis;
  readonly validUntil?: Instant;
  readonly windowOpenUntil?: Instant;
  readonly position: Position;
  readonly decidedAt: Instant;
  readonly policyVersion: string;
  readonly rulesVersion: string;
}

/** What is known of a recipient, those linked to it and the register of its business, one event after the other. */
export class Story {
  readonly #rows = new Map<string, RecipientRow>();
  #register: BusinessRow | undefined;

  constructor(readonly asked: Asked) {}

  /** The events come in the order of the ledger. */
  add(event: StoredEvent): void {
    const recipientId = recipientOf(event.stream);
    if (recipientId !== undefined) {
      this.#rows.set(recipientId, projectRecipient(this.#rows.get(recipientId), event, unheard));
    } else if (businessOf(event.stream) === this.asked.businessId) {
      this.#register = projectBusiness(this.#register, this.asked.businessId, event, unheard);
    }
  }

  async answer(decidedAt: Instant, position: Position): Promise<Answer> {
    const register = this.#register?.state ?? EMPTY_BUSINESS;
    const { recipientId, channel, purpose } = this.asked;
    const policyVersion = this.#register?.revision ?? '0';
    const frame = { recipientId, position, decidedAt, policyVersion, rulesVersion: RULES_VERSION };
    const topic = topicUnder(register, this.asked);
    if ('refused' in topic) {
      const reason = topic.refused;
      return { eligible: false, reason, explanation: UNASKABLE[reason], channel, purpose, ...frame };
    }
    const { basis, ...verdict } = judgeUnder(register, await this.#state(), { ...topic, now: decidedAt });
    const explanation = explain(verdict.reason, topic);
    return { ...verdict, explanation, ...partsOf(topic), ...(basis ? { basis: withoutCell(basis) } : {}), ...frame };
  }

  async #state(): Promise<RecipientState | undefined> {
    const stateOf = (id: string) => stateFor(this.#rows.get(id), this.asked.businessId);
    const own = stateOf(this.asked.recipientId);
    const readStates = (ids: readonly string[]) => Promise.resolve(ids.map(stateOf));
    return own && stateWithLinked(this.asked.recipientId, own, readStates);
  }
}

const unheard = (): void => undefined;

const UNASKABLE: Readonly<Record<TopicRefusal, string>> = {
  CHANNEL_UNKNOWN: 'There is no such channel.',
  PURPOSE_NOT_FOUND: 'The business had not registered this purpose, so nothing could be sent for it.',
  PURPOSE_RETIRED: 'The business had retired this purpose, so nothing could be sent for it.',
  SENDER_NOT_FOUND: 'The business had not registered this sender on this channel.',
};

function partsOf({ channel, purpose, category }: Topic) {
  return { channel, purpose, category };
}

/** A cell carries more than its basis. */
function withoutCell({ eventId, type, stream, revision, occurredAt, recordedAt, method, disclosure }: Basis): Basis {
  return {
    eventId,
    type,
    stream,
    revision,
    occurredAt,
    recordedAt,
    ...(method === undefined ? {} : { method }),
    ...(disclosure ? { disclosure } : {}),
  };
}
