import { describe, expect, it } from '@jest/globals';
import { eventsOf, idsOf, someEvent, someEvents, untilCaughtUp, type StoreUnderTest } from './harness-contract.js';
import { ForeignPosition, comparePositions, hasReached, type NewEvent } from './port.js';

const MEBIBYTE = 1024 * 1024;

/** The part of the contract that reads: streams, the whole ledger, subscriptions. */
export function describeReading(under: StoreUnderTest): void {
  describe('readStream', () => {
    it('gives every field back as it was written', async () => {
      const event = { ...someEvent('ä 漢', 'ConsentRevoked'), metadata: Buffer.from('{ "b":1,  "a":2 }') };
      const { position } = await under.store.append('consent-a', [event], 'none');
      const [read] = await under.store.readStream('consent-a', { limit: 1 });
      expect(read).toMatchObject({ id: event.id, type: event.type, stream: 'consent-a', revision: '0', position });
      expect(Buffer.from(read?.data ?? [])).toEqual(event.data);
      expect(Buffer.from(read?.metadata ?? [])).toEqual(event.metadata);
    });

    it('keeps bytes that are no UTF-8, and empty ones', async () => {
      const bytes = Buffer.from([0x00, 0xff, 0xfe, 0xc3, 0x28, 0x80]);
      const metadata = Buffer.alloc(0);
      await under.store.append('consent-a', [{ ...someEvent(), data: bytes, metadata }], 'none');
      const [read] = await under.store.readStream('consent-a', { limit: 1 });
      expect([Buffer.from(read?.data ?? []), Buffer.from(read?.metadata ?? [1])]).toEqual([bytes, metadata]);
    });

    it('reads both ways, from anywhere, as many as wanted', async () => {
      await under.store.append('consent-a', someEvents(6), 'none');
      const read = async (options: object) =>
        (await under.store.readStream('consent-a', { limit: 10, ...options })).map(({ revision }) => revision).join('');
      expect(await read({})).toBe('012345');
      expect(await read({ from: '2', limit: 2 })).toBe('23');
      expect(await read({ from: '9' })).toBe('');
      expect(await read({ direction: 'backwards', limit: 1 })).toBe('5');
      expect(await read({ direction: 'backwards' })).toBe('543210');
      expect(await read({ direction: 'backwards', from: '2' })).toBe('210');
      expect(await read({ direction: 'backwards', from: '9', limit: 2 })).toBe('54');
    });

    it('reads a missing stream as empty', async () => {
      expect(await under.store.readStream('consent-none', { limit: 10 })).toEqual([]);
      expect(await under.store.readStream('consent-none', { limit: 10, direction: 'backwards' })).toEqual([]);
    });

    it('tells capital letters from small ones', async () => {
      await under.store.append('consent-A', someEvents(1), 'none');
      await under.store.append('consent-a', someEvents(2), 'none');
      expect(await under.store.readStream('consent-A', { limit: 10 })).toHaveLength(1);
      expect(await under.store.readStream('CONSENT-a', { limit: 10 })).toEqual([]);
      expect(await under.readEverything(['consent-A'])).toHaveLength(1);
    });
  });

  describe('readAll', () => {
    async function fill(): Promise<void> {
      for (let n = 0; n < 4; n += 1) {
        await under.store.append(`consent-${n}`, someEvents(2), 'none');
        await under.store.append(`conversation-${n}`, someEvents(1), 'none');
      }
    }

    it('reads an empty ledger to its end at once', async () => {
      const page = await under.store.readAll({ limit: 10 });
      expect(page).toMatchObject({ events: [], atEnd: true });
      expect(hasReached(page.position, await under.store.head())).toBe(true);
    });

    it('pages through everything in the order of the ledger', async () => {
      await fill();
      const events = await under.readEverything();
      expect(events).toHaveLength(12);
      for (const [index, event] of events.entries()) {
        const before = events[index - 1];
        if (before) expect(comparePositions(before.position, event.position)).toBe(-1);
      }
      expect(events.at(-1)?.position).toBe(await under.store.head());
    });

    it('keeps to its prefixes', async () => {
      await fill();
      expect(await under.readEverything(['consent-'])).toHaveLength(8);
      expect(await under.readEverything(['conversation-'])).toHaveLength(4);
      expect(await under.readEverything(['consent-1', 'conversation-'])).toHaveLength(6);
      expect(await under.readEverything(['business-'])).toEqual([]);
    });

    it('keeps to its types, and looks past all others', async () => {
      const typed = (type: string) => ({ ...someEvent(), type });
      const wanted = [typed('RecipientLinked'), typed('RecipientErased')];
      await under.store.append('consent-a', [someEvent(), wanted[0] as NewEvent, someEvent()], 'none');
      await under.store.append('conversation-a', [typed('RecipientErased')], 'none');
      await under.store.append('consent-b', [wanted[1] as NewEvent, someEvent()], 'none');
      const types = ['RecipientErased', 'RecipientLinked'];
      const page = await under.store.readAll({ prefixes: ['consent-'], types, limit: 10 });
      expect(idsOf(page.events)).toEqual(wanted.map(({ id }) => id));
      expect([page.atEnd, hasReached(page.position, await under.store.head())]).toEqual([true, true]);
      expect((await under.store.readAll({ types: ['RecipientErased'], limit: 10 })).events).toHaveLength(2);
    });

    it('reports how far it has looked, also past events of other prefixes', async () => {
      await fill();
      const page = await under.store.readAll({ prefixes: ['business-'], limit: 5 });
      expect(page.atEnd).toBe(true);
      expect(hasReached(page.position, await under.store.head())).toBe(true);
    });

    it('ends a page before its limit where the events are large, and goes on from there', async () => {
      const large = () => ({ ...someEvent(), data: Buffer.alloc(MEBIBYTE, 0x61) });
      for (let n = 0; n < 40; n += 1) await under.store.append(`consent-${n}`, [large()], 'none');
      const page = await under.store.readAll({ limit: 100 });
      expect(page.atEnd).toBe(false);
      expect(page.events.at(-1)?.position).toBe(page.position);
      expect(page.events.length).toBeLessThan(40);
      const streams = (await under.readEverything(undefined, 100)).map(({ stream }) => stream);
      expect(streams).toEqual(Array.from({ length: 40 }, (_, n) => `consent-${n}`));
    });

    it('refuses a position of another ledger', async () => {
      await fill();
      await expect(under.store.readAll({ from: 'another-ledger-00.3', limit: 5 })).rejects.toThrow(ForeignPosition);
    });

    it('stands still at a position past the end', async () => {
      const past = `${under.store.ledgerId}.999999999999999`;
      expect(await under.store.readAll({ from: past, limit: 5 })).toEqual({ events: [], position: past, atEnd: true });
    });
  });

  describe('subscribe', () => {
    it('delivers what is there in batches, then a mark, then what comes', async () => {
      await under.store.append('consent-a', someEvents(5), 'none');
      const later = someEvent('later');
      const all = await under.deliveries({ batchSize: 2 }, (seen) => {
        if (seen.length === 4) void under.store.append('consent-b', [later], 'none');
        return eventsOf(seen).length === 6;
      });
      expect(all.map(({ events }) => events.length)).toEqual([2, 2, 1, 0, 1]);
      expect(all.map(({ caughtUp }) => caughtUp)).toEqual([false, false, false, true, false]);
      expect(eventsOf(all).at(-1)?.id).toBe(later.id);
    });

    it('resumes after a position without loss or repetition', async () => {
      await under.store.append('consent-a', someEvents(7), 'none');
      const [first] = await under.deliveries({ batchSize: 3 }, () => true);
      const rest = await under.deliveries({ from: first?.position ?? '', batchSize: 3 }, untilCaughtUp);
      expect(eventsOf(rest).map(({ revision }) => revision)).toEqual(['3', '4', '5', '6']);
    });

    it('marks the end of an empty ledger, and moves past events of other prefixes', async () => {
      const [mark] = await under.deliveries({}, untilCaughtUp);
      expect(mark).toMatchObject({ events: [], caughtUp: true });
      const appended = await under.store.append('business-a', someEvents(2), 'none');
      const all = await under.deliveries({ prefixes: ['consent-'] }, untilCaughtUp);
      expect(eventsOf(all)).toEqual([]);
      expect(hasReached(all.at(-1)?.position ?? '', appended.position)).toBe(true);
    });

    it('ends when it is aborted', async () => {
      const abort = new AbortController();
      const all = await under.deliveries({ signal: abort.signal }, (seen) => {
        if (untilCaughtUp(seen)) abort.abort();
        return false;
      });
      expect(all.at(-1)?.caughtUp).toBe(true);
    });

    it('ends when the store closes', async () => {
      const all = await under.deliveries({}, (seen) => {
        if (untilCaughtUp(seen)) void under.store.close();
        return false;
      });
      expect(all).toHaveLength(1);
    });

    it('delivers live events to many, once and in order, while many write', async () => {
      const writers = Array.from({ length: 5 }, async (_, writer) => {
        for (let n = 0; n < 10; n += 1) await under.store.append(`consent-${writer}`, someEvents(1), 'any');
      });
      const readers = [1, 7, 100].map((batchSize) =>
        under.deliveries({ batchSize }, (seen) => eventsOf(seen).length >= 50).then(eventsOf),
      );
      await Promise.all(writers);
      const everything = idsOf(await under.readEverything(undefined, 100));
      for (const reader of readers) expect(idsOf(await reader)).toEqual(everything);
    });
  });
}
