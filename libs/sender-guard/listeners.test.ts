import { expect, it } from '@jest/globals';
import { Listeners } from './listeners.js';

it('counts listeners that throw or reject, and tells the others all the same', async () => {
  const listeners = new Listeners();
  const told: string[] = [];
  listeners.add('state', () => {
    throw new Error('thrown');
  });
  listeners.add('state', async () => {
    await Promise.resolve();
    throw new Error('rejected');
  });
  const off = listeners.add('state', ({ state }) => told.push(state));
  listeners.tell('state', { state: 'LIVE', before: 'LOADING' });
  expect(listeners.errors).toBe(1);
  await new Promise(setImmediate);
  expect([listeners.errors, told]).toEqual([2, ['LIVE']]);
  off();
  listeners.tell('state', { state: 'STALE', before: 'LIVE' });
  expect(told).toEqual(['LIVE']);
});
