import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { readDelivery } from './read-delivery.js';

/** A tap on a button of a template; its payload is the business's own and says nothing. */
function tapped(text: unknown, other: object = {}) {
  const button = { payload: 'STOP', text };
  const message = { from: '16505551234', id: 'wamid.1', timestamp: '1749416383', type: 'button', button, ...other };
  const value = { metadata: { phone_number_id: '106540352242922' }, messages: [message] };
  return readDelivery(Buffer.from(JSON.stringify({ entry: [{ changes: [{ value, field: 'messages' }] }] })));
}

describe('a tap on a button', () => {
  it('is a fact where the button is one to opt out with', () => {
    const golden = readDelivery(readFileSync(new URL('./golden/button.json', import.meta.url)));
    const fact = {
      kind: 'message',
      providerId: '106540352242922',
      messageId: 'wamid.golden07',
      claimedSecond: '2025-06-16T16:24:05.000Z',
      addresses: [{ kind: 'phone', digits: '16505551234' }],
      optOut: { categories: ['marketing'] },
      isButton: true,
      text: 'Unsubscribe',
    };
    expect(golden).toEqual({ facts: [fact], samePeople: [], unrouted: [], ignored: {} });
  });

  it.each([['STOP PROMOTIONS'], ['Unsubscribe'], ['Arrêter 🛑']])('%j stops marketing', (text) => {
    const { facts, unrouted } = tapped(text);
    expect(facts).toMatchObject([{ isButton: true, optOut: { categories: ['marketing'] }, text }]);
    expect(unrouted).toEqual([]);
  });

  it('is not lost where its time or its id is missing', () => {
    const { facts } = tapped('STOP', { id: undefined, timestamp: 'soon' });
    expect(facts).toMatchObject([{ isButton: true, messageId: expect.stringMatching(/^sha256:/) }]);
  });

  it.each([
    ['with a word that has another meaning', tapped('Cancel'), 'message:button'],
    ['without a text', tapped(undefined), 'message:button'],
    ['of nobody', tapped('STOP', { from: '' }), 'message:button'],
    ['in a group', tapped('STOP', { group_id: 'g' }), 'message:group'],
    ['of an interactive message', tapped('STOP', { type: 'interactive' }), 'message:interactive'],
  ])('%s is kept as unrouted', (_what, { facts, unrouted }, kind) => {
    expect(facts).toEqual([]);
    expect(unrouted).toMatchObject([{ reason: 'unsupported_type', kind }]);
  });
});
