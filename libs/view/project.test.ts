import { describe, expect, it } from '@jest/globals';
import type { NewEvent, StoredEvent } from '#event-store';
import { project, type Rows, type UnreadableEvent } from './project.js';
import { NOBODY, stateFor } from './recipient-row.js';
import { eventOf, grant, imagined, message, purpose } from './sample-events.js';

function projected(...events: [stream: string, event: NewEvent, revision?: string][]) {
  const rows: Rows = { recipients: new Map(), businesses: new Map() };
  const unreadable: UnreadableEvent[] = [];
  events.forEach(([stream, event, revision = '0'], index) => {
    const stored: StoredEvent = { ...event, stream, revision, position: `ledger.${index + 1}` };
    project(rows, stored, (what) => unreadable.push(what));
  });
  return { ...rows, unreadable };
}

describe('projecting a recipient', () => {
  it('folds both streams into one row', () => {
    const { recipients } = projected(['consent-r1', grant(0)], ['conversation-r1', message(0)]);
    const { businessId, state } = recipients.get('r1')!;
    expect(businessId).toBe('acme');
    expect([state.grants.length, state.contacts.length, state.unreadable]).toStrictEqual([1, 1, undefined]);
  });

  it.each([
    ['an unknown type', imagined(0)],
    ['bytes that are no JSON', { ...message(0), data: Buffer.from('{"businessId":') }],
    ['metadata that is no JSON', { ...message(0), metadata: Buffer.from([0xff, 0xfe]) }],
    ['data that is null', { ...message(0), data: Buffer.from('null') }],
  ])('denies it alone for %s', (_what, broken) => {
    const { recipients, unreadable } = projected(['consent-r1', broken], ['consent-r2', message(0)]);
    expect(recipients.get('r1')?.state.unreadable?.eventId).toBe(broken.id);
    expect(recipients.get('r2')?.state.unreadable).toBeUndefined();
    expect(unreadable).toStrictEqual([
      { stream: 'consent-r1', revision: '0', eventId: broken.id, storedType: broken.type },
    ]);
  });

  it('denies it to everybody where its events name two businesses', () => {
    const { recipients } = projected(['consent-r1', message(0, 'acme')], ['consent-r1', message(0, 'zeta'), '1']);
    const row = recipients.get('r1')!;
    expect(row.businessId).toBe(NOBODY);
    for (const asking of ['acme', 'zeta', 'other']) {
      expect(stateFor(row, asking)?.unreadable).toBeDefined();
      expect(stateFor(row, asking)?.contacts).toStrictEqual([]);
    }
  });

  it('shows a row to its own business only', () => {
    const { recipients } = projected(['consent-r1', message(0, 'acme')]);
    expect(stateFor(recipients.get('r1'), 'acme')?.contacts.length).toBe(1);
    expect(stateFor(recipients.get('r1'), 'zeta')).toBeUndefined();
  });
});

describe('projecting a business', () => {
  it('keeps the register and its last revision', () => {
    const { businesses } = projected(['business-acme', purpose('offers')], ['business-acme', purpose('news'), '1']);
    expect(businesses.get('acme')?.revision).toBe('1');
    expect(businesses.get('acme')?.state.purposes.map(({ purposeId }) => purposeId)).toStrictEqual(['offers', 'news']);
  });

  it('passes over what it has already', () => {
    const retired = eventOf('PurposeRetired', { businessId: 'acme', purposeId: 'offers' });
    const first: [string, NewEvent, string] = ['business-acme', purpose('offers'), '0'];
    const { businesses } = projected(first, ['business-acme', retired, '1'], first);
    expect(businesses.get('acme')?.revision).toBe('1');
    expect(businesses.get('acme')?.state.purposes[0]?.retired).toBe(true);
  });

  it.each([
    ['an unknown type', eventOf('BusinessSold', { businessId: 'acme' })],
    ['an event of another business', purpose('news', 'zeta')],
  ])('does not rely on a register with %s', (_what, broken) => {
    const events: [string, NewEvent, string][] = [
      ['business-acme', purpose('offers'), '0'],
      ['business-acme', broken, '1'],
      ['business-acme', purpose('later'), '2'],
    ];
    const { businesses, unreadable } = projected(...events);
    expect(businesses.get('acme')?.state.unreadable).toBe(true);
    expect(unreadable.length).toBe(1);
  });
});

it('passes over other streams', () => {
  const { recipients, businesses, unreadable } = projected(['system-ledger', message(0)], ['reads-r1', message(0)]);
  expect([recipients.size, businesses.size, unreadable.length]).toStrictEqual([0, 0, 0]);
});
