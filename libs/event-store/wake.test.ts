import { describe, expect, it } from '@jest/globals';
import { Wake } from './wake.js';

describe('a wake', () => {
  it('resumes whoever waits, and at once who looked before it rang', async () => {
    const wake = new Wake();
    const { signal } = new AbortController();
    const ticket = wake.ticket();
    const woken = wake.after(ticket, signal);
    wake.ring();
    await woken;
    await wake.after(ticket, signal);
  });

  it('forgets whoever has stopped waiting, however long nothing rings', async () => {
    const wake = new Wake();
    const ending = new AbortController();
    let resumed = 0;
    const signal = Object.assign(ending.signal, { removeEventListener: () => void (resumed += 1) });
    const waited = wake.after(wake.ticket(), signal);
    ending.abort();
    await waited;
    wake.ring();
    expect(resumed).toBe(1);
  });
});
