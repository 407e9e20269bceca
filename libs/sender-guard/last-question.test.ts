import { expect, it } from '@jest/globals';
import type { BusinessState } from '#consent';
import { LastQuestion } from './last-question.js';

const NOW = '2026-11-29T10:00:00.000Z';
const ASKED = { channel: 'sms', purpose: 'offers' };

function registerWith(category: 'marketing' | 'transactional'): BusinessState {
  const purposes = [{ purposeId: 'offers', category, requires: 'consent' as const, title: 'Offers', retired: false }];
  const senders = [{ senderId: 'main', channel: 'sms' as const, provider: 'esendex', address: 'ACME', retired: false }];
  return { policy: {}, purposes, senders, disclosures: [], unreadable: false } as unknown as BusinessState;
}

it('is made anew as soon as anything of it changes, and only then', () => {
  const [register, changed] = [registerWith('marketing'), registerWith('transactional')];
  const last = new LastQuestion();
  const first = last.of(register, { ...ASKED }, NOW);
  expect(first).toEqual({ ...ASKED, category: 'marketing', requires: 'consent', now: NOW });
  expect(last.of(register, { ...ASKED }, NOW)).toBe(first);
  expect(last.of(changed, ASKED, NOW)).toMatchObject({ category: 'transactional' });
  expect(last.of(register, ASKED, '2026-11-29T10:00:00.001Z')).toMatchObject({ now: '2026-11-29T10:00:00.001Z' });
  expect(last.of(register, { ...ASKED, sender: 'main' }, NOW)).toMatchObject({ sender: 'main' });
  expect(last.of(register, ASKED, NOW)).not.toHaveProperty('sender');
  expect(last.of(register, { ...ASKED, purpose: 'news' }, NOW)).toMatchObject({ refused: 'PURPOSE_NOT_FOUND' });
  expect(last.of(register, { ...ASKED, channel: 'pigeon' }, NOW)).toMatchObject({ refused: 'CHANNEL_UNKNOWN' });
  expect(last.of(register, ASKED, NOW)).toEqual(first);
});
