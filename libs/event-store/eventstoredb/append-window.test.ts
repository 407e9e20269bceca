import { describe, expect, it } from '@jest/globals';
import { StoreOverloaded } from '../port.js';
import { AppendWindow } from './append-window.js';
import { TimeLimit } from './persist.js';

const LONG_MS = 60_000;
const SHORT_MS = 20;

describe('the window of the appends', () => {
  it('hands a place to who has waited longest, and to nobody whose time is over', async () => {
    const window = new AppendWindow(1, 2);
    const [patient, hasty] = [new TimeLimit(LONG_MS), new TimeLimit(SHORT_MS)];
    const leave = await window.enter('normal', patient);
    const gaveUp = window.enter('normal', hasty);
    const second = window.enter('normal', patient);
    await expect(window.enter('normal', patient)).rejects.toThrow(StoreOverloaded);
    await expect(gaveUp).rejects.toMatchObject({ kind: 'busy' });
    expect(window.lengths()).toEqual({ normal: 2, revocation: 0 });
    leave();
    const leaveSecond = await second;
    expect(window.lengths()).toEqual({ normal: 1, revocation: 0 });
    leaveSecond();
    expect(window.lengths()).toEqual({ normal: 0, revocation: 0 });
    for (const time of [patient, hasty]) time.clear();
  });

  it('keeps no revocation waiting', async () => {
    const window = new AppendWindow(1, 0);
    const time = new TimeLimit(LONG_MS);
    const leave = await window.enter('normal', time);
    const leaveRevocation = await window.enter('revocation', time);
    expect(window.lengths()).toEqual({ normal: 1, revocation: 1 });
    leaveRevocation();
    leave();
    expect(window.lengths()).toEqual({ normal: 0, revocation: 0 });
    time.clear();
  });
});
