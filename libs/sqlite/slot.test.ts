import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { newSlot, Slot } from './slot.js';

function pair(): { giver: Slot; taker: Slot } {
  const shared = newSlot();
  return { giver: new Slot(shared), taker: new Slot(shared) };
}

describe('a slot', () => {
  it('gives what was put, once', () =>
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.jsonValue(), fc.uint8Array())), (parcels) => {
        const { giver, taker } = pair();
        for (const [head, bytes] of parcels) {
          expect(giver.put({ head, bytes })).toBe(true);
          expect(taker.isFull).toBe(true);
          expect(taker.take()).toEqual({ head: JSON.parse(JSON.stringify(head)) as unknown, bytes });
          expect(taker.take()).toBeUndefined();
        }
      }),
    ));

  it('keeps no hold on what was taken', () => {
    const { giver, taker } = pair();
    giver.put({ head: 1, bytes: Buffer.from('first') });
    const first = taker.take();
    giver.put({ head: 2, bytes: Buffer.from('other') });
    expect(Buffer.from(first?.bytes ?? []).toString()).toBe('first');
  });

  it('refuses what is longer than its room, and stays empty', () => {
    const { giver, taker } = pair();
    expect(giver.put({ head: 'x', bytes: new Uint8Array(16 * 1024) })).toBe(false);
    expect(giver.put({ head: '€'.repeat(6_000) })).toBe(false);
    expect(taker.isFull).toBe(false);
    expect(giver.put({ head: '€'.repeat(5_000) })).toBe(true);
    expect(taker.take()).toEqual({ head: '€'.repeat(5_000), bytes: new Uint8Array(0) });
  });

  it('says whether the taker has to be woken, from the beginning', () => {
    const { giver, taker } = pair();
    expect(giver.takerSleeps).toBe(true);
    taker.stayAwake();
    expect(giver.takerSleeps).toBe(false);
    taker.sleep();
    expect(giver.takerSleeps).toBe(true);
  });
});
