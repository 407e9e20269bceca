import {
  questionAt,
  topicUnder,
  type AskedTopic,
  type BusinessState,
  type Instant,
  type Question,
  type Topic,
} from '#consent';

type Made = Question | Exclude<ReturnType<typeof topicUnder>, Topic>;

/** A sender asks one thing about everybody: what was made of it last is given again while nothing of it has changed. */
export class LastQuestion {
  #register: BusinessState | undefined;
  #asked: AskedTopic = {};
  #now: Instant = '';
  #made: Made | undefined;

  /** The question as the rules take it, or why it is none. */
  of(register: BusinessState, asked: AskedTopic, now: Instant): Made {
    if (this.#made !== undefined && register === this.#register && now === this.#now && isSame(asked, this.#asked)) {
      return this.#made;
    }
    const { channel, purpose, sender } = asked;
    const topic = topicUnder(register, asked);
    this.#register = register;
    this.#asked = { channel, purpose, sender };
    this.#now = now;
    this.#made = 'refused' in topic ? topic : questionAt(topic, now);
    return this.#made;
  }
}

function isSame(one: AskedTopic, other: AskedTopic): boolean {
  return one.channel === other.channel && one.purpose === other.purpose && one.sender === other.sender;
}
