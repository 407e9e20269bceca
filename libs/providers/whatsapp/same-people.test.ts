import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { readDelivery } from './read-delivery.js';
import { unroutedFact } from './unrouted.js';

const PROVIDER_ID = '106540352242922';
const PHONE = '16505551234';
const USER_ID = 'US.13491208655302741918';
const SECOND = '1749416383';
const BOTH = {
  providerId: PROVIDER_ID,
  messageId: 'wamid.1',
  claimedSecond: '2025-06-08T20:59:43.000Z',
  phone: { kind: 'phone', digits: PHONE },
  userId: { kind: 'whatsapp_user_id', value: USER_ID },
};

function bytesOf(value: object): Buffer {
  const routed = { metadata: { phone_number_id: PROVIDER_ID }, ...value };
  return Buffer.from(JSON.stringify({ entry: [{ changes: [{ field: 'messages', value: routed }] }] }));
}

const read = (value: object) => readDelivery(bytesOf(value)).samePeople;
const text = { type: 'text', text: { body: 'hi' } };
const message = (more: object = {}) => ({ from: PHONE, id: 'wamid.1', timestamp: SECOND, ...text, ...more });
const status = (more: object = {}) => ({
  ...{ id: 'wamid.1', status: 'delivered', timestamp: SECOND, recipient_id: PHONE, recipient_user_id: USER_ID },
  ...more,
});

describe('somebody whom a delivery names by number and by user id', () => {
  it.each([
    ['a message', { messages: [message({ from_user_id: USER_ID })] }],
    ['a contact beside a message', { messages: [message()], contacts: [{ wa_id: PHONE, user_id: USER_ID }] }],
    ['a message that is kept', { messages: [message({ from_user_id: USER_ID, type: 'image' })] }],
    ['a status', { statuses: [status()] }],
    ['a failed status', { statuses: [status({ status: 'failed', errors: [{ code: 131_050 }] })] }],
  ])('is one person by %s', (_, value) => {
    expect(read(value)).toEqual([BOTH]);
  });

  it.each([
    ['a message of a group', { messages: [message({ from_user_id: USER_ID, group_id: 'g' })] }],
    ['a system message, which tells of a change', { messages: [message({ from_user_id: USER_ID, type: 'system' })] }],
    [
      'a contact of nobody who wrote',
      { messages: [message()], contacts: [{ wa_id: '12195555358', user_id: USER_ID }] },
    ],
    ['a message that names one of them', { messages: [message(), message({ from: '', from_user_id: USER_ID })] }],
    ['a contact that nothing else names', { contacts: [{ wa_id: PHONE, user_id: USER_ID }] }],
  ])('is not taken for one by %s', (_, value) => {
    expect(read(value)).toEqual([]);
  });

  it('is told once for each sender, as the first says it', () => {
    const messages = ['wamid.1', 'wamid.2'].map((id) => message({ id, from_user_id: USER_ID }));
    expect(read({ messages, statuses: [status({ timestamp: '1' })] })).toEqual([BOTH]);
    const others = [message({ from_user_id: 'US.2' }), message({ from: '12195555358', from_user_id: USER_ID })];
    expect(read({ messages: [...messages, ...others] })).toHaveLength(3);
  });

  it('is told without the id or the time that what names them lacks', () => {
    const bytes = bytesOf({ statuses: [status({ id: undefined, timestamp: 'soon' })] });
    const messageId = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
    expect(readDelivery(bytes).samePeople).toEqual([{ ...BOTH, messageId, claimedSecond: undefined }]);
  });

  it('is still named by the part that was kept of it', () => {
    const golden = readDelivery(readFileSync(new URL('./golden/stop.json', import.meta.url)));
    expect(golden.samePeople).toMatchObject([{ messageId: 'wamid.golden02', phone: BOTH.phone, userId: BOTH.userId }]);
    const [part] = golden.facts.map(unroutedFact);
    expect(readDelivery(Buffer.from(part?.body ?? '')).samePeople).toEqual(golden.samePeople);
  });
});
