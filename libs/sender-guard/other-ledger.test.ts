import { describe, expect, it } from '@jest/globals';
import { Known } from './known.js';
import { BUSINESS, REGISTER, RandomLedger, catalogueRecord, idOf } from './random-ledger.js';
import type { TopicRecord } from './topic-record.js';

const [ID, OTHER] = [idOf('r0'), idOf('r1')];
const ASKED = { businessId: BUSINESS, recipientId: ID, channel: 'whatsapp', purpose: 'offers' } as const;
const NOW = '2026-06-01T00:00:00.000Z';

describe('a register of a ledger that was restored', () => {
  const after = (...records: readonly TopicRecord[]) => {
    const known = new Known();
    for (const record of records) known.takeCatalogue(record);
    return known.judge(ASKED, NOW).reason;
  };
  const retired = { ...REGISTER, purposes: REGISTER.purposes.map((one) => ({ ...one, retired: true as const })) };
  const before = { ...catalogueRecord(REGISTER, '12'), position: 'lost.90' };
  const restored = { ...catalogueRecord(retired, '11'), position: 'restored.80' };

  it('counts though its stream is shorter than the one that was lost', () => {
    expect(after(before, restored)).toBe('PURPOSE_RETIRED');
  });

  it('gives way to no older one of its own ledger', () => {
    const older = { ...catalogueRecord(REGISTER, '10'), position: 'restored.70' };
    expect(after(before, restored, older)).toBe('PURPOSE_RETIRED');
  });

  it('stays in doubt where it cannot be read, until it can', () => {
    const unread = { ...restored, value: Buffer.from('{}') };
    expect(after(before, unread)).toBe('STATE_UNREADABLE');
    expect(after(before, unread, restored)).toBe('PURPOSE_RETIRED');
  });
});

describe('a state of a ledger that was lost', () => {
  const at = '2026-03-01T00:00:00.000Z';
  const scope = { channels: ['whatsapp'], purposes: ['offers'], method: 'api' };
  const fact = (recipientId: string, type: string, data: object) =>
    ({ recipientId, event: { type, data: { businessId: BUSINESS, occurredAt: at, ...data } } }) as never;
  const link = fact(ID, 'RecipientLinked', { other: OTHER, kind: 'same_person' });
  const stateUnder = (ledgerId: string, id: string, ...facts: readonly never[]): TopicRecord => {
    const record = new RandomLedger(facts).stateRecord(id, facts.length);
    const position = `${ledgerId}.${facts.length}`;
    const value = JSON.parse(String(record.value)) as object;
    return { ...record, position, value: Buffer.from(JSON.stringify({ ...value, position })) };
  };
  const reasonUnder = (position: string, ...states: readonly TopicRecord[]) => {
    const known = new Known();
    known.takeCatalogue(catalogueRecord());
    for (const record of states) known.takeState(record);
    known.proved(position);
    known.proved(undefined);
    return known.judge(ASKED, NOW).reason;
  };
  const granted = (ledgerId: string, id = ID) => stateUnder(ledgerId, id, fact(id, 'ConsentGranted', scope));

  it('allows nothing until the ledger of now tells it too', () => {
    expect(reasonUnder('lost.9', granted('lost'))).toBe('CONSENTED');
    expect(reasonUnder('restored.9', granted('lost'))).toBe('RECIPIENT_UNKNOWN');
    expect(reasonUnder('restored.9', granted('lost'), granted('restored'))).toBe('CONSENTED');
  });

  it('still denies', () => {
    const stop = fact(ID, 'ConsentRevoked', { ...scope, categories: ['*'], purposes: [] });
    expect(reasonUnder('restored.9', stateUnder('lost', ID, stop))).toBe('REVOKED');
  });

  it('lends nothing to whom it is linked to', () => {
    const linked = stateUnder('restored', ID, link);
    expect(reasonUnder('restored.9', linked, granted('restored', OTHER))).toBe('CONSENTED');
    expect(reasonUnder('restored.9', linked, granted('lost', OTHER))).toBe('NO_CONSENT');
  });

  it('lifts no stop', () => {
    const stop = fact(OTHER, 'ConsentRevoked', {
      ...{ ...scope, purposes: [], categories: ['marketing'], method: 'provider_preference', sender: 'main' },
      occurredAt: '2026-03-02T00:00:00.000Z',
    });
    const resume = fact(OTHER, 'PreferenceResumed', {
      ...{ channel: 'whatsapp', sender: 'main', occurredAt: '2026-03-03T00:00:00.000Z' },
    });
    const linked = stateUnder('restored', ID, fact(ID, 'ConsentGranted', scope), link);
    expect(reasonUnder('restored.9', linked, stateUnder('restored', OTHER, stop, resume))).toBe('CONSENTED');
    expect(reasonUnder('restored.9', linked, stateUnder('lost', OTHER, stop, resume))).toBe('REVOKED');
  });
});
