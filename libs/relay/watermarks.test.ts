import { describe, expect, it } from '@jest/globals';
import { Reached } from './watermarks.js';

describe('how far the lane of opt-outs is', () => {
  const ended = new Error('the lane has ended');

  it('is waited for until the lane is there', async () => {
    const reached = new Reached('ledger.1');
    const waiting = reached.wait('ledger.3', new AbortController().signal);
    let isThere = false;
    void waiting.then(() => (isThere = true));
    reached.moved('ledger.2');
    await Promise.resolve();
    expect(isThere).toBe(false);
    reached.moved('ledger.3');
    await waiting;
  });

  it('is waited for no longer once the lane ends', async () => {
    const over = new AbortController();
    const waiting = new Reached(undefined).wait('ledger.1', over.signal);
    over.abort(ended);
    await expect(waiting).rejects.toBe(ended);
  });

  it('is not waited for where the lane had ended before', async () => {
    await expect(new Reached(undefined).wait('ledger.1', AbortSignal.abort(ended))).rejects.toBe(ended);
  });
});
