import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { comparePositions, hasReached, type EventStore } from '#event-store';
import { readRecipientEvent } from '#view';
import { FeedScene, changesFrom, names, recipientsOf, toldUntil } from './feed-scene.js';

/** A ledger under test on storage of its own. */
export interface OpenedLedger {
  readonly store: EventStore;
  cleanup(): Promise<void>;
}

/** What the feed promises over every ledger: nothing is missed and nothing repeated where history meets what comes. */
export function describeFeedOver(ledger: string, open: () => Promise<OpenedLedger>): void {
  describe(`the feed over ${ledger}`, () => {
    let scene: FeedScene;
    let opened: OpenedLedger;
    beforeEach(async () => {
      opened = await open();
      scene = new FeedScene();
      await scene.start({}, opened.store);
    });
    afterEach(async () => {
      await scene.stop();
      await opened.cleanup();
    });
    const watch = (businessId: string, from: string) => scene.feed.watch({ businessId, from });

    it('tells a history of several pages, and goes on with what comes', async () => {
      const recipients = names('r', 1_100);
      await scene.stops('acme', recipients);
      const watching = watch('acme', `${scene.store.ledgerId}.0`);
      expect(recipientsOf(await changesFrom(watching, 1_100)).sort()).toEqual([...recipients].sort());
      await scene.stops('beta', ['foreign']);
      await scene.stops('acme', ['new']);
      expect(recipientsOf(await changesFrom(watching, 1))).toEqual(['new']);
    });

    it('tells watchers from anywhere, while many write, each change once and in the order of the ledger', async () => {
      const businesses = ['acme', 'beta', 'gamma'];
      const end: { position?: string } = {};
      const isLast = (position: string) => end.position !== undefined && hasReached(position, end.position);
      const watching = async (business: string, from: string) => {
        const told = await toldUntil(watch(business, from), ({ position }) => isLast(position));
        return { business, from, positions: told.flatMap((one) => (one.kind === 'change' ? [one.position] : [])) };
      };
      await scene.stops('acme', names('early', 700));
      const places = [`${scene.store.ledgerId}.0`, await scene.store.head()];
      const watches: ReturnType<typeof watching>[] = [];
      for (let round = 0; round < 60; round += 1) {
        const business = businesses[round % 3] as string;
        if (round % 2 === 0) watches.push(watching(business, places[round % places.length] as string));
        const written = businesses.map((one) => scene.stops(one, names(`${one}-${round}-`, 20)));
        places.push(...(await Promise.all(written)));
      }
      end.position = await scene.stops('nobody', ['last']);
      const all = (await scene.store.readAll({ limit: 10_000 })).events.map((stored) => ({
        position: stored.position,
        business: readRecipientEvent(stored).event.data.businessId,
      }));
      for (const { business, from, positions } of await Promise.all(watches)) {
        const own = all.filter((one) => one.business === business && (comparePositions(one.position, from) ?? 0) > 0);
        expect(positions).toEqual(own.map(({ position }) => position));
      }
      expect(watches).toHaveLength(30);
      expect(scene.errors).toEqual([]);
    });
  });
}
