import { describe, expect, it } from '@jest/globals';
import type { NewEvent } from '#event-store';
import { joinRemembered, Overlay } from './overlay.js';
import { projectRecipient, readRecipientEvent } from './project.js';
import { grant, stop } from './sample-events.js';

function remember(overlay: Overlay, recipientId: string, event: NewEvent, n: number): void {
  const position = `ledger.${n}`;
  const stored = { ...event, stream: `consent-${recipientId}`, revision: String(n), position };
  const read = readRecipientEvent(stored);
  overlay.remember(recipientId, 'acme', read.event, read.origin, position);
}

describe('the overlay', () => {
  it('keeps an event until the copy has passed it, and not longer', () => {
    const overlay = new Overlay();
    for (let n = 1; n <= 9; n += 1) remember(overlay, `r${n}`, stop(n), n);
    overlay.prune('ledger.4');
    expect([overlay.size, overlay.of('r4'), overlay.of('r5') !== undefined]).toStrictEqual([5, undefined, true]);
    overlay.prune('ledger.9');
    expect(overlay.size).toBe(0);
  });

  it('keeps all of a recipient until the newest event has been passed', () => {
    const overlay = new Overlay();
    remember(overlay, 'r1', grant(1), 1);
    remember(overlay, 'r2', grant(1), 2);
    remember(overlay, 'r1', stop(2), 3);
    overlay.prune('ledger.2');
    expect([overlay.of('r1')?.row.state.grants.length, overlay.of('r2')]).toStrictEqual([1, undefined]);
  });

  it('loses nothing where commands are acknowledged out of order', () => {
    const overlay = new Overlay();
    remember(overlay, 'r1', stop(2), 2);
    remember(overlay, 'r1', grant(1), 1);
    remember(overlay, 'r2', stop(3), 4);
    remember(overlay, 'r3', stop(3), 3);
    overlay.prune('ledger.1');
    expect(overlay.size).toBe(3);
    overlay.prune('ledger.3');
    expect([overlay.of('r1'), overlay.of('r2') !== undefined]).toStrictEqual([undefined, true]);
    overlay.prune('ledger.4');
    expect(overlay.size).toBe(0);
  });

  it('forgets nothing for the position of another ledger', () => {
    const overlay = new Overlay();
    remember(overlay, 'r1', stop(1), 1);
    overlay.prune('another.9');
    expect(overlay.size).toBe(1);
  });

  it('joins what it remembers to the row, whichever of the two knows more', () => {
    const overlay = new Overlay();
    remember(overlay, 'r1', stop(2), 2);
    const before = { ...grant(1), stream: 'consent-r1', revision: '1', position: 'ledger.1' };
    const row = projectRecipient(undefined, before, () => undefined);
    const joined = joinRemembered(row, overlay.of('r1'));
    expect([joined?.state.grants.length, joined?.state.revocations.length]).toStrictEqual([1, 1]);
    expect(joinRemembered(joined, overlay.of('r1'))).toStrictEqual(joined);
    expect(joinRemembered(undefined, overlay.of('r1'))).toBe(overlay.of('r1')?.row);
    expect(joinRemembered(row, undefined)).toBe(row);
  });
});
