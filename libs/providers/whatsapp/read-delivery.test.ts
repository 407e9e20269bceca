import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import type { Delivery } from './delivery.js';
import { readDelivery } from './read-delivery.js';
import { unroutedFact } from './unrouted.js';

const GOLDEN = new URL('./golden/', import.meta.url);
const PROVIDER_ID = '106540352242922';
const PHONE = { kind: 'phone', digits: '16505551234' };
const USER_ID = { kind: 'whatsapp_user_id', value: 'US.13491208655302741918' };

function golden(name: string): Delivery {
  return readDelivery(readFileSync(new URL(`${name}.json`, GOLDEN)));
}

function read(delivery: unknown): Delivery {
  return readDelivery(Buffer.from(JSON.stringify(delivery)));
}

/** A delivery of one value of one sender. */
function delivered(value: object, field: unknown = 'messages'): object {
  return {
    object: 'whatsapp_business_account',
    entry: [{ id: '1', changes: [{ value: { ...SENDER, ...value }, field }] }],
  };
}
const SENDER = { messaging_product: 'whatsapp', metadata: { phone_number_id: PROVIDER_ID } };

function text(body: string, other: object = {}): object {
  return { from: PHONE.digits, id: 'wamid.1', timestamp: '1749416383', type: 'text', text: { body }, ...other };
}

function kinds({ unrouted }: Delivery): string[] {
  return unrouted.map(({ reason, kind }) => `${reason} ${kind}`);
}

describe('golden deliveries', () => {
  const MESSAGE = { kind: 'message', providerId: PROVIDER_ID, addresses: [PHONE] };
  const STOP = { optOut: { categories: ['*'] }, text: 'STOP' };

  it.each([
    ['text', { ...MESSAGE, messageId: 'wamid.golden01', claimedSecond: '2025-06-08T20:59:43.000Z' }],
    [
      'stop',
      {
        ...MESSAGE,
        messageId: 'wamid.golden02',
        claimedSecond: '2025-06-08T20:59:44.000Z',
        addresses: [PHONE, USER_ID],
        optOut: { categories: ['*'] },
        text: 'STOP',
      },
    ],
    [
      'cancel',
      {
        ...MESSAGE,
        messageId: 'wamid.golden03',
        claimedSecond: '2025-06-08T20:59:45.000Z',
        optOut: { categories: ['marketing'] },
        text: 'Cancelar',
      },
    ],
    ['forwarded-stop', { ...MESSAGE, ...STOP, messageId: 'wamid.golden04', claimedSecond: '2025-06-08T20:59:46.000Z' }],
    [
      'user-id-only-stop',
      {
        ...MESSAGE,
        messageId: 'wamid.golden05',
        claimedSecond: '2025-06-08T20:59:47.000Z',
        addresses: [USER_ID],
        optOut: { categories: ['*'] },
        text: 'Stop!',
      },
    ],
  ])('%s is a fact', (name, fact) => {
    expect(golden(name)).toMatchObject({ facts: [fact], unrouted: [], ignored: {} });
  });

  it.each([
    ['group-text', 'message:group', PROVIDER_ID],
    ['button-reply', 'message:interactive', PROVIDER_ID],
    ['list-reply', 'message:interactive', PROVIDER_ID],
    ['reaction', 'message:reaction', PROVIDER_ID],
    ['unsupported', 'message:unsupported', PROVIDER_ID],
    ['changed-number', 'message:system', PROVIDER_ID],
    ['status-failed-stopped', 'status:131050', PROVIDER_ID],
    ['preference-stop', 'user_preferences', PROVIDER_ID],
    ['account-update', 'field:account_update', undefined],
    ['quality-update', 'field:phone_number_quality_update', undefined],
  ])('%s is kept unrouted, in a delivery of its own that reads as the same part', (name, kind, providerId) => {
    const { facts, unrouted, ignored } = golden(name);
    expect({ facts, ignored }).toEqual({ facts: [], ignored: {} });
    expect(unrouted).toHaveLength(1);
    expect(unrouted[0]).toMatchObject({ reason: 'unsupported_type', kind });
    expect(unrouted[0]?.providerId).toBe(providerId);
    expect(readDelivery(Buffer.from(unrouted[0]?.body ?? '')).unrouted).toEqual(unrouted);
  });

  it.each([
    ['status-delivered', { delivered: 1 }],
    ['status-failed-experiment', { failed: 1 }],
  ])('%s is counted', (name, ignored) => {
    expect(golden(name)).toEqual({ facts: [], samePeople: [], unrouted: [], ignored });
  });

  it('a batch is read part by part, and its parts are those of single deliveries', () => {
    const batch = golden('batch');
    expect(batch.facts).toEqual(['text', 'button', 'stop'].flatMap((name) => golden(name).facts));
    expect(batch.ignored).toEqual({ delivered: 1 });
    const single = ['preference-stop', 'account-update'].flatMap((name) => golden(name).unrouted);
    expect(batch.unrouted).toEqual(single);
  });

  it('every golden file is one that this suite reads', () => {
    const read = readdirSync(GOLDEN).filter((file) => golden(file.replace('.json', '')).unreadable === undefined);
    expect(read).toHaveLength(19);
  });
});

describe('who wrote', () => {
  it('a contact that names the same phone or the same user id completes the sender', () => {
    const contacts = [{ wa_id: '12195555358' }, { wa_id: PHONE.digits, user_id: USER_ID.value }];
    const byPhone = read(delivered({ contacts, messages: [text('hi'), text('hi', { from: '12195555358' })] }));
    expect(byPhone.facts.map(({ addresses }) => addresses)).toEqual([
      [PHONE, USER_ID],
      [{ kind: 'phone', digits: '12195555358' }],
    ]);
    const byUserId = read(
      delivered({ contacts, messages: [text('hi', { from: undefined, from_user_id: USER_ID.value })] }),
    );
    expect(byUserId.facts[0]?.addresses).toEqual([PHONE, USER_ID]);
  });

  it('two spellings of one line are one person', () => {
    const contacts = [{ wa_id: '525512345678', user_id: 'MX.1' }];
    const { facts } = read(delivered({ contacts, messages: [text('hi', { from: '5215512345678' })] }));
    expect(facts[0]?.addresses[1]).toEqual({ kind: 'whatsapp_user_id', value: 'MX.1' });
  });

  it('somebody else of the contacts is never taken for the sender', () => {
    const contacts = [{ wa_id: '12195555358', user_id: USER_ID.value }];
    const { facts } = read(delivered({ contacts, messages: [text('STOP')] }));
    expect(facts[0]?.addresses).toEqual([PHONE]);
  });

  it('the only contact is the sender of the only message that names none, and of no other', () => {
    const contacts = [{ wa_id: PHONE.digits }];
    const nameless = text('STOP', { from: undefined });
    expect(read(delivered({ contacts, messages: [nameless] })).facts[0]?.addresses).toEqual([PHONE]);
    const two = read(delivered({ contacts, messages: [nameless, text('hi')] }));
    expect(two.facts).toHaveLength(1);
    expect(kinds(two)).toEqual(['unreadable message:text']);
  });

  it.each([['not a number'], [''], ['+'], [{}], [null], ['1'.repeat(41)]])('%j is no phone', (from) => {
    expect(kinds(read(delivered({ messages: [text('STOP', { from })] })))).toEqual(['unreadable message:text']);
  });
});

describe('an opt-out is not lost', () => {
  const BROKEN_TIMES = [undefined, null, 'soon', '', '-1', '0', '1749416383000', 1e30, {}, ['1749416383']];

  it.each(BROKEN_TIMES)('with the time %j it is a fact without a time', (timestamp) => {
    const { facts } = read(delivered({ messages: [text('STOP', { timestamp })] }));
    expect(facts).toEqual([expect.objectContaining({ claimedSecond: undefined, text: 'STOP', messageId: 'wamid.1' })]);
  });

  it.each(BROKEN_TIMES)('another message with the time %j is unreadable', (timestamp) => {
    expect(kinds(read(delivered({ messages: [text('hi', { timestamp })] })))).toEqual(['unreadable message:text']);
  });

  it('without an id it has one of its own, the same however often it is delivered', () => {
    const stop = text('STOP', { id: undefined });
    const alone = read(delivered({ messages: [stop] })).facts[0]?.messageId;
    const among = read(delivered({ messages: [text('hi'), stop] })).facts[1]?.messageId;
    expect(alone).toMatch(/^sha256:[0-9a-f]{64}$/);
    expect(among).toBe(alone);
    expect(kinds(read(delivered({ messages: [text('hi', { id: undefined })] })))).toEqual(['unreadable message:text']);
  });

  it('without an id and a time, one in a later delivery is another', () => {
    const stop = text('STOP', { id: undefined, timestamp: undefined });
    const [first, again, later] = [[stop], [stop], [stop, text('hi')]].map(
      (messages) => read(delivered({ messages })).facts[0]?.messageId,
    );
    expect(again).toBe(first);
    expect(later).not.toBe(first);
  });

  it('without a type or a field it is still read', () => {
    expect(read(delivered({ messages: [text('STOP', { type: undefined })] }, null)).facts[0]?.text).toBe('STOP');
  });

  it('broken siblings of every level do not stop it', () => {
    const messages = [null, 7, [], {}, { type: 'text' }, text('STOP'), { type: 'image' }];
    const value = { ...SENDER, contacts: 'none', statuses: [null, { status: 'sent' }], user_preferences: {}, messages };
    const changes = [null, 1, {}, { value: null }, { value, field: 'messages' }];
    const result = read({ entry: [null, {}, { changes: {} }, { changes }] });
    expect(result.facts.map(({ text }) => text)).toEqual(['STOP']);
    expect(result.ignored).toEqual({ sent: 1 });
    expect(result.unrouted).toHaveLength(3 + 4 + 2 + 6);
  });
});

describe('what is kept', () => {
  it.each([
    [
      'a message of an unknown type',
      { messages: [text('STOP', { type: '+16505551234' })] },
      'unsupported_type message:unknown',
    ],
    ['a text without a body', { messages: [text('', { text: {} })] }, 'unreadable message:text'],
    ['messages that are no list', { messages: { 0: text('STOP') } }, 'unreadable message:unknown'],
    ['an unknown status', { statuses: [{ status: '__proto__' }] }, 'unsupported_type status:unknown'],
    ['statuses that are no list', { statuses: 'sent' }, 'unreadable status:unknown'],
    ['a failure without a code', { statuses: [{ status: 'failed' }] }, 'unreadable status:failed'],
    ['a failure with a broken code', { statuses: [{ status: 'failed', errors: [{}] }] }, 'unreadable status:failed'],
    [
      '131050 as a text',
      { statuses: [{ errors: [{ code: 1 }, { code: '131050' }] }] },
      'unsupported_type status:131050',
    ],
    ['a broken preference', { user_preferences: ['stop'] }, 'unreadable user_preferences'],
    ['preferences that are no list', { user_preferences: 'stop' }, 'unreadable user_preferences'],
    ['errors of the account', { errors: [{ code: 131031 }] }, 'unsupported_type value:errors'],
    ['anything new', { constructor: 1 }, 'unsupported_type value:unknown'],
  ])('%s', (_what, value, kind) => {
    const result = read(delivered(value));
    expect(kinds(result)).toEqual([kind]);
    expect(readDelivery(Buffer.from(result.unrouted[0]?.body ?? '')).unrouted).toEqual(result.unrouted);
  });

  it('a value that names no sender is kept as a whole', () => {
    const result = read(delivered({ metadata: {}, messages: [text('STOP'), text('hi')] }));
    expect(kinds(result)).toEqual(['unreadable field:messages']);
    expect(result.unrouted[0]?.body).toContain('STOP');
  });

  it('the messages of another field are not the person’s', () => {
    const result = read(delivered({ message_echoes: [text('STOP')], messages: [text('STOP')] }, 'smb_message_echoes'));
    expect(kinds(result)).toEqual(['unsupported_type field:unknown']);
    expect(result.unrouted[0]?.providerId).toBe(PROVIDER_ID);
  });

  it.each([['not JSON'], ['[]'], ['{}'], ['{"entry":{}}'], ['null'], ['']])('the body %j as a whole', (body) => {
    const result = readDelivery(Buffer.from(body));
    expect(result).toMatchObject({
      facts: [],
      unrouted: [{ reason: 'unreadable', kind: 'unknown', body }],
      unreadable: true,
    });
  });

  it('bytes that are not UTF-8, to the last bit', () => {
    const bytes = Buffer.from([0x7b, 0xff, 0xfe]);
    const { base64 } = JSON.parse(readDelivery(bytes).unrouted[0]?.body ?? '') as { base64: string };
    expect(Buffer.from(base64, 'base64')).toEqual(bytes);
  });

  it('a part that is nested too deep to be written by itself, with the whole delivery, and its sibling is read', () => {
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;
    const body = JSON.stringify(delivered({ messages: [text('STOP'), { type: 'image', image: 'DEEP' }] }));
    const result = readDelivery(Buffer.from(body.replace('"DEEP"', deep)));
    expect(result.facts[0]?.text).toBe('STOP');
    expect(kinds(result)).toEqual(['unreadable unknown']);
    expect(result.unrouted[0]?.body).toContain(deep);
  });
});

describe('a fact whose sender is unknown', () => {
  it.each([['text'], ['stop'], ['cancel'], ['user-id-only-stop'], ['forwarded-stop'], ['button']])(
    '%s reads as the same fact when it is replayed, and keeps no other text',
    (name) => {
      const [fact] = golden(name).facts;
      if (fact === undefined) throw new Error(`${name} has no fact`);
      const part = unroutedFact(fact);
      const kind = name === 'button' ? 'message:button' : 'message:text';
      expect(part).toMatchObject({ reason: 'unknown_sender', kind, providerId: PROVIDER_ID });
      expect(readDelivery(Buffer.from(part.body))).toMatchObject({ facts: [fact], unrouted: [], ignored: {} });
      expect(part.body).not.toContain('color');
    },
  );

  it('an opt-out without a time or an id of its own keeps what stands in for them', () => {
    const { facts } = read(delivered({ messages: [text('STOP', { id: undefined, timestamp: undefined })] }));
    const replayed = facts.map((fact) => readDelivery(Buffer.from(unroutedFact(fact).body)).facts);
    expect(replayed).toEqual([facts]);
  });
});
