import { afterAll, beforeAll } from '@jest/globals';
import { SettableClock } from '#platform';
import { deliver, deliveryOf, must, registerAcme, type InboundText } from '../../support/client.js';
import { PHONE_NUMBER_ID, startTestService, type TestService } from '../../support/service.js';
import { recipientIdsOf } from '../../promises/support/service.js';
import { businessOf, headOf, type Json } from './acme.js';

const NOON = Date.parse('2026-05-04T12:00:00.000Z');

export interface Somebody {
  readonly phone: string;
  readonly whatsappUserId: string;
}

export const byId = ({ whatsappUserId }: Somebody) => ({ whatsappUserId });
export const byPhone = ({ phone }: Somebody) => ({ phone });

/** A service, and people who write to it on WhatsApp under a number and a user id, each time a second later. */
export class WhatsappPeople {
  readonly clock = new SettableClock(NOON);
  service!: TestService;
  acme!: ReturnType<typeof businessOf>;
  #people = 0;
  #messages = 0;

  constructor() {
    beforeAll(async () => {
      this.service = await startTestService({ clock: this.clock });
      await registerAcme(this.service);
      this.acme = businessOf(this.service);
    });
    afterAll(() => this.service.stop());
  }

  somebody(): Somebody {
    this.#people += 1;
    const [phone, whatsappUserId] = [1_000 + this.#people, 274_000 + this.#people];
    return { phone: `+39333600${phone}`, whatsappUserId: `IT.1349120865530${whatsappUserId}` };
  }

  /** The time, a second later than it was. */
  later(seconds = 1): string {
    this.clock.setTo(this.clock.now() + seconds * 1_000);
    return this.now();
  }

  now(): string {
    return new Date(this.clock.now()).toISOString();
  }

  said({ phone, whatsappUserId }: Partial<Somebody>, text = 'Hello'): InboundText {
    this.later();
    const names = { ...(phone && { from: phone.slice(1) }), ...(whatsappUserId && { userId: whatsappUserId }) };
    return { ...names, id: this.#messageId(), text, at: this.clock.now() };
  }

  writes(who: Partial<Somebody>, text?: string) {
    return must(deliver(this.service, deliveryOf(this.said(who, text))));
  }

  /** The status of a message that was sent to somebody, as WhatsApp delivers it. */
  statusOf(who: Somebody) {
    const person = { recipient_id: who.phone.slice(1), recipient_user_id: who.whatsappUserId };
    const times = { timestamp: String(this.clock.now() / 1_000) };
    const statuses = [{ id: this.#messageId(), status: 'sent', ...times, ...person }];
    const value = { metadata: { phone_number_id: PHONE_NUMBER_ID }, statuses };
    return { entry: [{ changes: [{ field: 'messages', value }] }] };
  }

  linkBody(who: Somebody, kind = 'same_person') {
    return { recipient: byPhone(who), other: byId(who), kind, occurredAt: this.later() };
  }

  async reason(recipient: Json, more: Json = {}) {
    return (await this.acme.check(recipient, 'offers', more)).reason;
  }

  /** At once, by a view that has caught up, and by the ledger itself. */
  async reasons(recipient: Json) {
    return [
      await this.reason(recipient),
      await this.reason(recipient, { atLeast: await headOf(this.service) }),
      await this.reason(recipient, { consistency: 'ledger' }),
    ];
  }

  /** What the consent stream of somebody says of links and erasures. */
  async eventsOf(recipient: Json): Promise<readonly Json[]> {
    const [id] = await recipientIdsOf(this.service, [recipient]);
    const { events } = (await must(this.acme.get(`/recipients/${String(id)}/timeline`))).body;
    return (events as unknown as Json[]).filter(({ type }) => String(type).startsWith('Recipient'));
  }

  async typesOf(recipient: Json) {
    return (await this.eventsOf(recipient)).map(({ type }) => type);
  }

  #messageId(): string {
    this.#messages += 1;
    return `wamid.link-${this.#messages}`;
  }
}
