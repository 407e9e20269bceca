import { describe, expect, it } from '@jest/globals';
import {
  CLOCK_TOLERANCE_MS,
  CONFIRMATION_MS,
  CONFIRMATION_PAUSE_MS,
  defaultScopeOf,
  isAutomaticStop,
  isWindowOver,
  requirementOn,
  windowEnd,
} from './channel-policy.js';
import { DAY_MS, addMs } from './instant.js';
import { CATEGORIES, CHANNELS, REVOCATION_METHODS } from './vocabulary.js';

const EVERYTHING_THERE = ['keyword', 'provider_opt_out', 'block'];
const MARKETING_THERE = ['provider_preference', 'button', 'one_click', 'preference_page'];

describe('the scope of a no that does not say', () => {
  it.each(REVOCATION_METHODS)('by %s', (method) => {
    const expected = EVERYTHING_THERE.includes(method)
      ? { channels: ['sms'], categories: ['*'] }
      : MARKETING_THERE.includes(method)
        ? { channels: ['sms'], categories: ['marketing'] }
        : { channels: ['*'], categories: ['*'] };
    expect(defaultScopeOf(method, 'sms')).toEqual(expected);
    expect(defaultScopeOf(method, undefined)).toEqual({ ...expected, channels: ['*'] });
  });

  it("is confirmed only where a machine took it from the person's hand", () => {
    const automatic = REVOCATION_METHODS.filter(isAutomaticStop);
    expect(automatic).toEqual(['keyword', 'button', 'provider_opt_out']);
  });
});

it('asks for consent on WhatsApp and for marketing, whatever the register says', () => {
  for (const channel of CHANNELS) {
    for (const category of CATEGORIES) {
      const always = channel === 'whatsapp' || category === 'marketing';
      expect(requirementOn(channel, category, 'consent')).toBe('consent');
      expect(requirementOn(channel, category, 'no_objection')).toBe(always ? 'consent' : 'no_objection');
    }
  }
});

it('has the times of the rules', () => {
  expect(windowEnd('2026-05-01T10:00:00.000Z')).toBe('2026-05-02T10:00:00.000Z');
  expect([CONFIRMATION_MS, CLOCK_TOLERANCE_MS, CONFIRMATION_PAUSE_MS]).toEqual([300_000, 300_000, 86_400_000]);
});

it('says that a window is over from its end on, whoever was asked about before', () => {
  const days = ['2024-02-28T10:00:00.000Z', '2025-12-31T23:59:59.999Z', '2026-05-01T00:00:00.000Z'];
  for (const contactedAt of days) {
    for (const ms of [-2 * DAY_MS, -1, 0, 1, 2 * DAY_MS]) {
      const now = addMs(windowEnd(contactedAt), ms);
      expect(days.map((one) => isWindowOver(one, now))).toEqual(days.map((one) => now >= windowEnd(one)));
    }
  }
});
