import { setImmediate as turn } from 'node:timers/promises';
import { runInNewContext } from 'node:vm';
import { expect, it } from '@jest/globals';
import { collectGarbage } from './garbage.js';

it('takes away what nobody holds any more', async () => {
  const held = { text: 'held' };
  const [kept, dropped] = [new WeakRef(held), new WeakRef({ text: 'dropped' })];
  // What a weak reference was asked about or made for in this turn stays until its end.
  await turn();
  collectGarbage();
  expect(dropped.deref()).toBeUndefined();
  expect(kept.deref()).toBe(held);
});

it('leaves no way to do so behind', () => {
  collectGarbage();
  expect(runInNewContext('typeof gc')).toBe('undefined');
});
