import { describe, expect, it } from '@jest/globals';
import { readDelivery } from './read-delivery.js';

const SENDER = { messaging_product: 'whatsapp', metadata: { phone_number_id: '106540352242922' } };
const STOP = {
  messages: [{ from: '16505551234', id: 'wamid.1', timestamp: '1749416383', type: 'text', text: { body: 'STOP' } }],
};
const change = { value: { ...SENDER, messages: [] }, field: 'messages' };
const entry = { id: '1', time: 1, changes: [change] };

function partsOf(delivery: object) {
  return readDelivery(Buffer.from(JSON.stringify({ object: 'whatsapp_business_account', ...delivery }))).unrouted;
}

describe('members that nobody documented', () => {
  it.each([
    ['of the delivery', { entry: [entry], entry2: [{ changes: [{ value: STOP }] }] }],
    ['of an entry', { entry: [{ ...entry, changes2: [{ value: STOP }] }] }],
    ['of an entry, with the name of a list that is read', { entry: [{ ...entry, entry: [{ value: STOP }] }] }],
    ['of a change', { entry: [{ ...entry, changes: [{ ...change, value2: STOP }] }] }],
  ])('%s are kept, and are the same part when they are read again', (_, delivery) => {
    const parts = partsOf(delivery);
    expect(parts).toEqual([expect.objectContaining({ reason: 'unsupported_type', kind: 'unknown' })]);
    const body = parts[0]?.body ?? '';
    expect(body).toContain('"STOP"');
    expect(readDelivery(Buffer.from(body)).unrouted).toEqual(parts);
  });

  it('are not kept where they hold a bare word or number', () => {
    expect(partsOf({ api: 'v1', entry: [{ ...entry, n: 2, changes: [{ ...change, seen: null }] }] })).toEqual([]);
  });
});
