import { expect, it } from '@jest/globals';
import { Wakefulness } from './wakefulness.js';

const asked = (wakefulness: Wakefulness, times: number, helped: boolean) =>
  Array.from({ length: times }, () => {
    const stays = wakefulness.isWorthwhile();
    if (stays) wakefulness.tell(helped);
    return stays;
  }).filter(Boolean).length;

it('stays awake as long as that helps', () => {
  expect(asked(new Wakefulness(), 1_000, true)).toBe(1_000);
});

it('gives it up where it does not help, and tries again now and then', () => {
  expect(asked(new Wakefulness(), 8 + 160, false)).toBe(8 + 10);
});

it('takes it up again as soon as it helped once', () => {
  const wakefulness = new Wakefulness();
  asked(wakefulness, 100, false);
  asked(wakefulness, 16, true);
  expect(asked(wakefulness, 50, true)).toBe(50);
});
