import { describe, expect, it } from '@jest/globals';
import { EMPTY_BUSINESS, EMPTY_STATE, judgeUnder, topicUnder, type BusinessState } from '#consent';
import { catalogueRecordOf, readCatalogueRecord, type ReadCatalogue } from './catalogue-codec.js';
import { faultsInOwn } from './contract.js';
import { encode } from './reading.js';

const REGISTER: BusinessState = {
  profile: { legalName: 'Acme S.r.l.', displayName: 'Acme', defaultRegion: 'IT' },
  policy: { quiet: true, hours: 8, zone: 'Europe/Rome' },
  purposes: [
    { purposeId: 'offers', category: 'marketing', title: 'Weekly offers', requires: 'consent' },
    { purposeId: 'tickets', category: 'utility', title: 'Your tickets', requires: 'no_objection' },
    { purposeId: 'lottery', category: 'marketing', title: 'Lottery', requires: 'consent', retired: true },
  ],
  senders: [
    { senderId: 'shop', channel: 'whatsapp', provider: 'whatsapp_cloud', address: '+390200000', providerId: '1045' },
    { senderId: 'desk', channel: 'sms', provider: 'twilio', address: 'ACME', retired: true },
  ],
  disclosures: [],
};

function carried(register: BusinessState): ReadCatalogue {
  const record = catalogueRecordOf('acme', '12', register);
  expect(faultsInOwn('catalogue', record)).toEqual([]);
  return readCatalogueRecord(encode(record)) as ReadCatalogue;
}

describe('a register on its way through Kafka', () => {
  const asked = ['whatsapp', 'sms', 'fax'].flatMap((channel) =>
    ['offers', 'tickets', 'lottery', 'service', 'opt_out_confirmation', 'unheard_of', undefined].flatMap((purpose) =>
      [undefined, 'shop', 'desk', 'nobody'].map((sender) => ({ channel, purpose, sender })),
    ),
  );

  it('answers every question about purposes and senders as before', () => {
    const read = carried(REGISTER);
    expect(read).toMatchObject({ businessId: 'acme', revision: '12' });
    for (const one of asked) expect(topicUnder(read.register, one)).toEqual(topicUnder(REGISTER, one));
  });

  it('has lost names, titles and addresses, and kept the policy', () => {
    const text = Buffer.from(encode(catalogueRecordOf('acme', '12', REGISTER))).toString();
    for (const left of ['Acme', 'Weekly', '+390200000', '1045', 'twilio']) expect(text).not.toContain(left);
    expect(carried(REGISTER).register.policy).toEqual(REGISTER.policy);
  });

  it('that could not be read in full denies everybody', () => {
    const { register } = carried({ ...REGISTER, unreadable: true });
    const question = { channel: 'email', purpose: 'tickets', category: 'utility', requires: 'no_objection' } as const;
    const now = '2026-05-20T10:00:00.000Z';
    expect(judgeUnder(register, EMPTY_STATE, { ...question, now }).reason).toBe('STATE_UNREADABLE');
    expect(judgeUnder(carried(REGISTER).register, EMPTY_STATE, { ...question, now }).reason).toBe('NO_OBJECTION');
  });

  it('may be empty', () => {
    expect(carried(EMPTY_BUSINESS).register).toEqual(EMPTY_BUSINESS);
  });
});
