import { describe, expect, it } from '@jest/globals';
import { later } from './positions.js';

describe('the later of two positions', () => {
  it('is the deeper one of one ledger, and the second of two', () => {
    expect(later('ledger.9', 'ledger.10')).toBe('ledger.10');
    expect(later('ledger.10', 'ledger.9')).toBe('ledger.10');
    expect(later('ledger.10', 'restored.9')).toBe('restored.9');
  });

  it('is the only one where the other is absent, or empty as protobuf leaves what was not set', () => {
    for (const none of [undefined, '']) {
      expect(later('ledger.55', none)).toBe('ledger.55');
      expect(later(none, 'ledger.55')).toBe('ledger.55');
      expect(later(none, none)).toBeUndefined();
    }
  });
});
