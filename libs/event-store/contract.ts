import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { StoreUnderTest, idsOf, someEvent, someEvents, type OpenedStore } from './harness-contract.js';
import {
  EventTooLarge,
  RevisionConflict,
  StoreUnavailable,
  comparePositions,
  isPosition,
  type NewEvent,
} from './port.js';
import { describeReading } from './reading-contract.js';

export { someEvent, type OpenedStore } from './harness-contract.js';

const MEBIBYTE = 1024 * 1024;

/** What every store promises; each adapter runs it. */
export function describeEventStoreContract(name: string, open: () => Promise<OpenedStore>): void {
  describe(`${name} keeps the contract of an event store`, () => {
    const under = new StoreUnderTest(open);
    beforeEach(() => under.start());
    afterEach(() => under.cleanup());
    describeAppending(under);
    describeReading(under);
    describeClosing(under);
  });
}

function describeAppending(under: StoreUnderTest): void {
  describe('append', () => {
    it('counts revisions from 0 and answers the last event of the append', async () => {
      const first = await under.store.append('consent-a', someEvents(1), 'none');
      const second = await under.store.append('consent-a', someEvents(3), '0');
      expect([first.revision, second.revision]).toEqual(['0', '3']);
      expect([first.replayed, second.replayed]).toEqual([false, false]);
      expect(isPosition(first.position)).toBe(true);
      expect(comparePositions(first.position, second.position)).toBe(-1);
      expect(await under.store.head()).toBe(second.position);
    });

    it('takes any revision where it is told to', async () => {
      expect((await under.store.append('conversation-a', someEvents(1), 'any')).revision).toBe('0');
      expect((await under.store.append('conversation-a', someEvents(1), 'any')).revision).toBe('1');
    });

    it.each([
      ['a stream that is not there', [], '0', 'none'],
      ['a stream that should not be there', [2], 'none', '1'],
      ['a revision that has passed', [3], '1', '2'],
      ['a revision that has not come', [1], '4', '0'],
    ])('refuses %s and names the actual revision', async (_what, before, expected, actual) => {
      for (const count of before) await under.store.append('consent-a', someEvents(count), 'any');
      const head = await under.store.head();
      const refused: unknown = await under.store
        .append('consent-a', someEvents(1), expected)
        .catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(RevisionConflict);
      expect(refused).toMatchObject({ code: 'REVISION_CONFLICT', stream: 'consent-a', expected, actual });
      expect(await under.store.head()).toBe(head);
    });

    it('answers a repeated append as the first time, whatever is expected now', async () => {
      const events = someEvents(2);
      const first = await under.store.append('consent-a', events, 'none');
      for (const expected of ['none', 'any', '1', '7']) {
        expect(await under.store.append('consent-a', events, expected)).toEqual({ ...first, replayed: true });
      }
      expect(await under.store.readStream('consent-a', { limit: 10 })).toHaveLength(2);
    });

    it('knows a repeated append after further appends and after it was reopened', async () => {
      const events = someEvents(2);
      const first = await under.store.append('consent-a', events, 'none');
      await under.store.append('consent-a', someEvents(5), '1');
      expect(await under.store.append('consent-a', events, 'none')).toEqual({ ...first, replayed: true });
      await under.reopen();
      expect(await under.store.append('consent-a', events, 'none')).toEqual({ ...first, replayed: true });
    });

    it.each([
      ['one event', 1, 'none'],
      ['one event, at any revision', 1, 'any'],
      ['three events', 3, 'none'],
    ])(
      'tells exactly one of many as not replayed that append the same ids at once: %s',
      async (_what, count, expected) => {
        const events = someEvents(count);
        const attempts = Array.from({ length: 10 }, () => under.store.append('consent-a', events, expected));
        const answers = await Promise.all(attempts);
        expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1);
        for (const answer of answers)
          expect({ ...answer, replayed: false }).toEqual({ ...answers[0], replayed: false });
        expect(idsOf(await under.store.readStream('consent-a', { limit: 100 }))).toEqual(idsOf(events));
      },
    );

    it('knows an id in capitals for the same', async () => {
      const event = { ...someEvent(), id: 'abcdefab-cdef-4abc-8def-abcdefabcdef' };
      const capitals = { ...event, id: event.id.toUpperCase() };
      const first = await under.store.append('consent-a', [capitals], 'none');
      expect(await under.store.append('consent-a', [event], 'none')).toEqual({ ...first, replayed: true });
      expect(
        await under.store.append('consent-a', [capitals, someEvent()], 'any').catch((error: unknown) => error),
      ).toBeInstanceOf(RevisionConflict);
      expect(idsOf(await under.store.readStream('consent-a', { limit: 10 }))).toEqual([event.id]);
      const { events } = await under.store.readAll({ prefixes: ['consent-a'], limit: 10 });
      expect(idsOf(events)).toEqual([event.id]);
    });

    it('keeps an id once more where it is told to and the revision is as expected, and knows the first one', async () => {
      const [one, other] = someEvents(2) as [NewEvent, NewEvent];
      const first = await under.store.append('conversation-a', [one], 'none');
      await under.store.append('conversation-a', [other], '0');
      const kept = await under.store.append('conversation-a', [one, someEvent()], '1', { repeats: 'kept' });
      expect(kept).toMatchObject({ revision: '3', replayed: false });
      expect(await under.store.append('conversation-a', [one], '3', { repeats: 'kept' })).toMatchObject({
        revision: '4',
      });
      const read = await under.store.readStream('conversation-a', { limit: 10 });
      expect(idsOf(read).filter((id) => id === one.id)).toHaveLength(3);
      expect(read.map(({ position }) => position)).toContain(kept.position);
      expect(await under.store.append('conversation-a', [one], 'none')).toEqual({ ...first, replayed: true });
    });

    it('tells ids apart by stream', async () => {
      const events = someEvents(1);
      await under.store.append('consent-a', events, 'none');
      expect((await under.store.append('consent-b', events, 'none')).replayed).toBe(false);
    });

    it('refuses an append of which only a part is there, or in another order', async () => {
      const [one, two, three] = someEvents(3) as [NewEvent, NewEvent, NewEvent];
      await under.store.append('consent-a', [one, two], 'none');
      await expect(under.store.append('consent-a', [two, three], '1')).rejects.toThrow(RevisionConflict);
      await expect(under.store.append('consent-a', [two, one], '1')).rejects.toThrow(RevisionConflict);
      expect(idsOf(await under.store.readStream('consent-a', { limit: 10 }))).toEqual(idsOf([one, two]));
    });

    it('lets exactly one of many win each revision', async () => {
      const attempts = Array.from({ length: 20 }, () => under.store.append('consent-a', someEvents(2), 'none'));
      const outcomes = await Promise.allSettled(attempts);
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(RevisionConflict);
      }
      expect(await under.store.readStream('consent-a', { limit: 100 })).toHaveLength(2);
    });

    it('keeps the events of one append together among many', async () => {
      const streams = Array.from({ length: 12 }, (_, n) => `consent-${n}`);
      await Promise.all(streams.map((stream) => under.store.append(stream, someEvents(3), 'none')));
      const all = (await under.readEverything(undefined, 100)).map(({ stream }) => stream);
      const runs = all.filter((stream, index) => stream !== all[index - 1]);
      expect(runs).toHaveLength(12);
    });

    it('keeps an event of 1 MiB and refuses more', async () => {
      const large = { ...someEvent(), data: Buffer.alloc(MEBIBYTE, 0x61) };
      await under.store.append('consent-a', [large], 'none');
      const [kept] = await under.store.readStream('consent-a', { limit: 1 });
      expect(Buffer.compare(Buffer.from(kept?.data ?? []), large.data)).toBe(0);
      const larger = { ...someEvent(), data: Buffer.alloc(MEBIBYTE + 1, 0x61) };
      await expect(under.store.append('consent-a', [larger], 'any')).rejects.toThrow(EventTooLarge);
      const together = [large, large].map((event) => ({ ...event, id: someEvent().id }));
      await expect(under.store.append('consent-a', together, 'any')).rejects.toThrow(EventTooLarge);
    });

    it('refuses names and events that no store takes', async () => {
      const wrong: [string, NewEvent[], string][] = [
        ['$system', someEvents(1), 'any'],
        ['', someEvents(1), 'any'],
        [`consent-${'a'.repeat(200)}`, someEvents(1), 'any'],
        ['consent-a', [], 'any'],
        ['consent-a', [{ ...someEvent(), id: 'no uuid' }], 'any'],
        ['consent-a', someEvents(1), '-1'],
      ];
      for (const [stream, events, expected] of wrong) {
        await expect(under.store.append(stream, events, expected)).rejects.toThrow();
      }
      await expect(under.store.append('c'.repeat(200), someEvents(1), 'none')).resolves.toBeDefined();
    });

    it('takes revocations beside a flood of others', async () => {
      const flood = Array.from({ length: 200 }, (_, n) => under.store.append(`consent-${n}`, someEvents(1), 'none'));
      const stop = await under.store.append('consent-stop', someEvents(1), 'any', { lane: 'revocation' });
      expect(stop.revision).toBe('0');
      await Promise.allSettled(flood);
    });
  });
}

function describeClosing(under: StoreUnderTest): void {
  describe('close', () => {
    it('keeps the ledger and its id', async () => {
      const { position } = await under.store.append('consent-a', someEvents(1), 'none');
      const { ledgerId } = under.store;
      await under.reopen();
      expect(under.store.ledgerId).toBe(ledgerId);
      expect(await under.store.head()).toBe(position);
      expect(await under.store.readStream('consent-a', { limit: 10 })).toHaveLength(1);
    });

    it('finishes the appends under way, may be repeated, and ends everything else', async () => {
      const appends = Array.from({ length: 10 }, (_, n) => under.store.append(`consent-${n}`, someEvents(1), 'none'));
      await Promise.all([under.store.close(), under.store.close()]);
      expect(await Promise.all(appends)).toHaveLength(10);
      await expect(under.store.append('consent-a', someEvents(1), 'any')).rejects.toThrow(StoreUnavailable);
      await expect(under.store.readStream('consent-a', { limit: 1 })).rejects.toThrow(StoreUnavailable);
      await expect(under.store.readAll({ limit: 1 })).rejects.toThrow(StoreUnavailable);
      await expect(under.store.head()).rejects.toThrow(StoreUnavailable);
      expect(await under.deliveries({}, () => true)).toEqual([]);
    });
  });
}
