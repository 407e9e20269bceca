import { ask, deliver, deliveryOf, grantBody, type Answer, type Reachable } from '../support/client.js';

export const KINDS = ['grant', 'revocation', 'message', 'text', 'stop'] as const;
export type Kind = (typeof KINDS)[number];

/** Something a writer tells the service, again and again in the same words until it is acknowledged. */
export interface Deed {
  /** The Idempotency-Key, or the provider's id of the message; it is sealed into each event that comes of it. */
  readonly label: string;
  readonly kind: Kind;
  readonly phone: string;
  /** Epoch milliseconds, as the provider or the caller dates it. */
  readonly at: number;
}

/** The events that one deed leaves behind. */
export const EVENTS_OF: Readonly<Record<Kind, readonly string[]>> = {
  grant: ['ConsentGranted'],
  revocation: ['ConsentRevoked'],
  message: ['UserMessaged'],
  text: ['UserMessaged'],
  stop: ['ConsentRevoked', 'UserMessaged'],
};

const BUSINESS = '/v1/businesses/acme';

export function send(service: Reachable, deed: Deed): Promise<Answer> {
  const { label, phone, at } = deed;
  const headers = { 'idempotency-key': label };
  const recipient = { phone };
  switch (deed.kind) {
    case 'grant':
      return ask(service, 'POST', `${BUSINESS}/grants`, {
        headers,
        body: grantBody(phone, { evidence: { reference: label } }),
      });
    case 'revocation':
      return ask(service, 'POST', `${BUSINESS}/revocations`, { headers, body: { recipient, reason: label } });
    case 'message':
      return ask(service, 'POST', `${BUSINESS}/messages`, {
        body: {
          recipient,
          channel: 'whatsapp',
          sender: 'main',
          messageId: label,
          occurredAt: new Date(at).toISOString(),
        },
      });
    case 'text':
      return deliver(service, deliveryOf({ from: phone.slice(1), id: label, text: 'Are you open?', at }));
    case 'stop':
      return deliver(service, deliveryOf({ from: phone.slice(1), id: label, text: 'STOP', at }));
  }
}

/** What of an event's opened personal part carries the label. */
export interface Personal {
  readonly messageId?: string;
  readonly reason?: string;
  readonly evidence?: { readonly reference?: string };
}

export function labelIn({ messageId, reason, evidence }: Personal = {}): string | undefined {
  return messageId ?? reason ?? evidence?.reference;
}
