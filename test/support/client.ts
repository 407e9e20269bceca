import { createHmac } from 'node:crypto';
import { APP_SECRET, PHONE_NUMBER_ID, type TestService } from './service.js';

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** The JSON of the answer; tests know what they asked for. */
  readonly body: Record<string, never> & Record<string, unknown>;
}

/** What a request needs to know of a service, be it in this process or in one of its own. */
export type Reachable = Pick<TestService, 'base' | 'adminKey'>;

export interface Ask {
  readonly key?: string;
  readonly body?: unknown;
  /** Sent as it is, instead of `body`. */
  readonly raw?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One request over real HTTP. The admin key is sent unless another one, or '' for none, is named. */
export async function ask(service: Reachable, method: string, path: string, options: Ask = {}): Promise<Answer> {
  const key = options.key ?? service.adminKey;
  const body = options.raw ?? (options.body === undefined ? undefined : JSON.stringify(options.body));
  const response = await fetch(service.base + path, {
    method,
    headers: {
      ...(key === '' ? {} : { authorization: `Bearer ${key}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...options.headers,
    },
    ...(body === undefined ? {} : { body: body }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: parsed(text) as Answer['body'] };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return { text };
  }
}

/** Business `acme` with marketing purposes `offers` and `news`, a utility purpose, a WhatsApp sender and a disclosure. */
export async function registerAcme(
  service: Reachable,
  businessId = 'acme',
  providerId = PHONE_NUMBER_ID,
): Promise<void> {
  const base = `/v1/businesses/${businessId}`;
  const purposes = {
    offers: { category: 'marketing', title: 'Offers' },
    news: { category: 'marketing', title: 'News' },
    receipts: { category: 'utility', title: 'Receipts', requires: 'no_objection' },
  };
  await must(
    ask(service, 'PUT', base, { body: { legalName: 'Acme S.p.A.', displayName: 'Acme', defaultRegion: 'IT' } }),
  );
  for (const [purpose, body] of Object.entries(purposes)) {
    await must(ask(service, 'PUT', `${base}/purposes/${purpose}`, { body }));
  }
  const sender = { channel: 'whatsapp', provider: 'whatsapp_cloud', address: '+39021234567', providerId };
  await must(ask(service, 'PUT', `${base}/senders/main`, { body: sender }));
  const disclosure = {
    text: 'Acme sends offers and news. Reply STOP at any time.',
    locale: 'en',
    channels: ['whatsapp', 'sms', 'email'],
    purposes: ['offers', 'news', 'receipts'],
  };
  await must(ask(service, 'POST', `${base}/disclosures/web/versions`, { body: disclosure }));
}

export async function must(asked: Promise<Answer>): Promise<Answer> {
  const answer = await asked;
  if (answer.status >= 300) throw new Error(`expected success, got ${answer.status}: ${JSON.stringify(answer.body)}`);
  return answer;
}

export function grantBody(phone: string, more: Readonly<Record<string, unknown>> = {}) {
  return {
    recipient: { phone },
    channels: ['whatsapp'],
    purposes: ['offers'],
    method: 'web_form',
    disclosure: { id: 'web', version: 1 },
    ...more,
  };
}

export interface InboundText {
  readonly from?: string;
  readonly userId?: string;
  readonly id: string;
  readonly text: string;
  /** Epoch milliseconds; WhatsApp knows only the second. */
  readonly at: number;
  readonly phoneNumberId?: string;
}

/** A WhatsApp delivery of text messages, as Meta sends it. */
export function deliveryOf(...messages: readonly InboundText[]) {
  const changes = messages.map(({ from, userId, id, text, at, phoneNumberId = PHONE_NUMBER_ID }) => ({
    field: 'messages',
    value: {
      messaging_product: 'whatsapp',
      metadata: { display_phone_number: '39021234567', phone_number_id: phoneNumberId },
      messages: [
        {
          ...(from === undefined ? {} : { from }),
          ...(userId === undefined ? {} : { from_user_id: userId }),
          id,
          timestamp: String(Math.floor(at / 1_000)),
          type: 'text',
          text: { body: text },
        },
      ],
    },
  }));
  return { object: 'whatsapp_business_account', entry: [{ id: '102290129340398', changes }] };
}

export function deliver(service: Reachable, delivery: unknown, secret = APP_SECRET): Promise<Answer> {
  const raw = typeof delivery === 'string' ? delivery : JSON.stringify(delivery);
  const signature = createHmac('sha256', secret).update(raw).digest('hex');
  return ask(service, 'POST', '/webhooks/whatsapp', {
    key: '',
    raw,
    headers: { 'x-hub-signature-256': `sha256=${signature}` },
  });
}
