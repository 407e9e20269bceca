import { describe, expect, it } from '@jest/globals';
import { EMPTY_STATE } from '#consent';
import { foldStored, stateFromLedger } from './ledger-state.js';
import { MemoryLedger } from './memory-ledger.js';
import { at, grant, imagined as imaginedAt, link, message, stop as stopAt } from './sample-events.js';

const stop = stopAt(1);

describe('the state from the ledger itself', () => {
  it('reads a long conversation to its end', async () => {
    const ledger = new MemoryLedger('ledger');
    for (let second = 0; second <= 1_000; second += 1) await ledger.append('conversation-r1', [message(second)]);
    const { state, position } = await stateFromLedger(ledger, 'acme', 'r1');
    expect(state?.contacts.map(({ occurredAt }) => occurredAt)).toStrictEqual([at(1_000)]);
    expect(position).toBe('ledger.1001');
  });

  it('joins those linked', async () => {
    const ledger = new MemoryLedger('ledger');
    await ledger.append('consent-r1', [link('r2')]);
    await ledger.append('consent-r2', [stop]);
    expect((await stateFromLedger(ledger, 'acme', 'r1')).state?.revocations.length).toBe(1);
  });

  it('knows nothing of a recipient of another business', async () => {
    const ledger = new MemoryLedger('ledger');
    await ledger.append('consent-r1', [stop]);
    expect((await stateFromLedger(ledger, 'zeta', 'r1')).state).toBeUndefined();
    expect((await stateFromLedger(ledger, 'acme', 'r9')).state).toBeUndefined();
  });

  it('never takes a position that lies behind what it read', async () => {
    const ledger = new MemoryLedger('ledger');
    await ledger.append('conversation-r1', [message(0)]);
    const readStream = ledger.readStream.bind(ledger);
    ledger.readStream = async (stream, options) => {
      if (stream === 'consent-r1') await ledger.append(stream, [stop]);
      return readStream(stream, options);
    };
    const { state, position } = await stateFromLedger(ledger, 'acme', 'r1');
    expect([state?.revocations.length, position]).toStrictEqual([1, 'ledger.1']);
  });
});

describe('the state that is read while an opt-out comes in', () => {
  it.each([1, 2])('has no message that carried one without the no, after reading %d', async (readings) => {
    const ledger = new MemoryLedger('ledger');
    await ledger.append('consent-r1', [grant(0)]);
    const readStream = ledger.readStream.bind(ledger);
    let done = 0;
    ledger.readStream = async (stream, options) => {
      const events = await readStream(stream, options);
      done += 1;
      if (done !== readings) return events;
      await ledger.append('consent-r1', [stop]);
      await ledger.append('conversation-r1', [message(1)]);
      return events;
    };
    const { state } = await stateFromLedger(ledger, 'acme', 'r1');
    const [contact, no] = [state?.contacts.length ?? 0, state?.revocations.length ?? 0];
    expect(contact).toBeLessThanOrEqual(no);
  });
});

describe('folding stored events', () => {
  it('adds to the state at hand, and marks it for what cannot be read', async () => {
    const ledger = new MemoryLedger('ledger');
    await ledger.append('consent-r1', [stop, imaginedAt(2)]);
    const [revoked, imagined] = ledger.events;
    const state = foldStored(EMPTY_STATE, [revoked!]);
    expect([state.revocations.length, state.unreadable]).toStrictEqual([1, undefined]);
    expect(foldStored(state, [imagined!]).unreadable?.eventId).toBe(imagined!.id);
  });
});
