import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { changeRecordOf } from '#contracts';
import { ForeignPosition, StoreUnavailable, openSqliteStore } from '#event-store';
import { readRecipientEvent } from '#view';
import { describeFeedOver } from './contract.js';
import { FeedScene, NOW, changesFrom, eventOf, names, recipientsOf, stopOf, toldUntil, until } from './feed-scene.js';
import { FeedFull, PositionAhead, WatchEnded, type Told, type ToldWatermark } from './index.js';

let scene: FeedScene;
beforeEach(async () => {
  scene = new FeedScene();
  await scene.start({ watchersMax: 50 });
});
afterEach(() => scene.stop());

const watch = (businessId = 'acme', from?: string) =>
  scene.feed.watch(from === undefined ? { businessId } : { businessId, from });

describe('a watch', () => {
  it('tells where it begins, then what is appended, in the words of Kafka', async () => {
    await scene.stops('acme', ['before']);
    const watching = watch();
    const first = await watching.next();
    expect(first.value).toMatchObject({ kind: 'watermark', position: await scene.store.head() });
    const position = await scene.append('consent-r1', stopOf('acme'));
    const [told] = await changesFrom(watching, 1);
    const [stored] = await scene.store.readStream('consent-r1', { limit: 1 });
    const { event, origin } = readRecipientEvent(stored as NonNullable<typeof stored>);
    expect(told).toMatchObject({ kind: 'change', position, change: changeRecordOf(event, origin, 'r1') });
    expect(JSON.parse(told?.json ?? '')).toEqual(told?.change);
  });

  it('tells nothing of another business', async () => {
    const [ours, theirs] = [watch('acme'), watch('beta')];
    await Promise.all([ours.next(), theirs.next()]);
    await scene.stops('acme', ['a1', 'a2']);
    await scene.stops('beta', ['b1']);
    await scene.stops('acme', ['a3']);
    expect(recipientsOf(await changesFrom(ours, 3))).toEqual(['a1', 'a2', 'a3']);
    expect(recipientsOf(await changesFrom(theirs, 1))).toEqual(['b1']);
  });

  it('tells from the start of the ledger on, and goes on with what comes', async () => {
    const recipients = names('old', 1_201);
    await scene.stops('acme', recipients);
    const watching = watch('acme', `${scene.store.ledgerId}.0`);
    expect(recipientsOf(await changesFrom(watching, 1_201))).toEqual(recipients);
    await scene.stops('acme', ['new']);
    expect(recipientsOf(await changesFrom(watching, 1))).toEqual(['new']);
  });

  it('names how far it has looked while nothing in the history is its own', async () => {
    await scene.stops('beta', names('foreign', 1_500));
    const head = await scene.store.head();
    const watching = watch('acme', `${scene.store.ledgerId}.0`);
    const told = await toldUntil(watching, ({ position }) => position === head);
    expect(told.every(({ kind }) => kind === 'watermark')).toBe(true);
    expect(told[0]).toEqual({ kind: 'watermark', position: `${scene.store.ledgerId}.0` });
  });

  it('proves with a watermark, every second, that all which was acknowledged has been told', async () => {
    const watching = watch();
    await watching.next();
    await scene.stops('acme', ['r1']);
    const acknowledgedAt = new Date().toISOString();
    const beganMs = performance.now();
    const told = await toldUntil(watching, (one) => one.kind === 'watermark' && (one.at ?? '') >= acknowledgedAt);
    expect(told.filter(({ kind }) => kind === 'change')).toHaveLength(1);
    expect(told[0]?.kind).toBe('change');
    const marks = told.filter(({ kind }) => kind === 'watermark');
    expect(performance.now() - beganMs).toBeLessThan(1_000 * (marks.length + 1));
    for (const mark of marks) expect(mark.position).toBe(await scene.store.head());
  });

  it('proves nothing of the time in which the whole machine was suspended, before it has looked again', async () => {
    const watching = watch();
    const isProof = (one: Told) => one.kind === 'watermark' && one.at !== undefined;
    const [proof] = (await toldUntil(watching, isProof)).slice(-1) as [ToldWatermark];
    const head = jest.spyOn(scene.store, 'head').mockReturnValue(new Promise(() => undefined));
    // The head that was being read just then is of before, and may still come.
    await new Promise((resolve) => setImmediate(resolve));
    scene.suspendedMs = 3_600_000;
    const [next] = (await toldUntil(watching, isProof)).slice(-1) as [ToldWatermark];
    expect(Date.parse(next.at ?? '') - Date.parse(proof.at ?? '')).toBeLessThan(60_000);
    head.mockRestore();
  });

  it('goes on from any place that it named, without loss', async () => {
    await scene.stops('acme', names('r', 30));
    const all = await changesFrom(watch('acme', `${scene.store.ledgerId}.0`), 30);
    for (const [index, { position }] of all.slice(0, -1).entries()) {
      const rest = await changesFrom(watch('acme', position), 29 - index);
      expect(rest.map(({ change }) => change.eventId)).toEqual(
        all.slice(index + 1).map(({ change }) => change.eventId),
      );
    }
  });

  it('tells what it cannot read as unreadable, to the business of its stream, and to nobody where there is none', async () => {
    const watching = watch();
    await watching.next();
    await scene.append('consent-r1', eventOf('ConsentImagined', { businessId: 'acme', occurredAt: NOW }));
    await scene.append('consent-r2', stopOf('acme'), eventOf('ConsentRevoked', { what: 'is this' }));
    await scene.append('consent-r3', stopOf('beta'), eventOf('ConsentRevoked', { what: 'is this' }));
    await scene.append('consent-r4', eventOf('ConsentRevoked', { what: 'is this' }));
    await scene.append('consent-r5', eventOf('RecipientErased', { businessId: 'acme', occurredAt: NOW }));
    const told = (await changesFrom(watching, 4)).map(({ change }) => change);
    expect(told).toMatchObject([
      { recipientId: 'r1', type: 'ConsentImagined', unreadable: true },
      { recipientId: 'r2', type: 'ConsentRevoked' },
      { recipientId: 'r2', type: 'ConsentRevoked', unreadable: true, businessId: '' },
      { recipientId: 'r5', type: 'RecipientErased' },
    ]);
  });

  it('refuses a place of another ledger, and one that the ledger has not come to', async () => {
    await expect(watch('acme', 'another.0').next()).rejects.toThrow(ForeignPosition);
    await expect(watch('acme', `${scene.store.ledgerId}.99`).next()).rejects.toThrow(PositionAhead);
    expect(scene.feed.status()).toEqual({ watchers: 0, readingHistory: 0, told: 0, cutOff: 0 });
  });
});

describe('the feed', () => {
  it('follows the ledger while somebody watches, and once for all', async () => {
    expect(scene.feed.status().live).toBeUndefined();
    const some = [watch('acme'), watch('acme'), watch('beta')];
    await Promise.all(some.map((one) => one.next()));
    expect(scene.feed.status()).toMatchObject({ watchers: 3, live: { position: await scene.store.head() } });
    await Promise.all(some.map((one) => one.return()));
    expect(scene.feed.status()).toEqual({ watchers: 0, readingHistory: 0, told: 0, cutOff: 0 });
    const again = watch();
    await again.next();
    await scene.stops('acme', ['r1']);
    expect(recipientsOf(await changesFrom(again, 1))).toEqual(['r1']);
  });

  it('ends a watch whose signal aborts, also while it waits', async () => {
    const stopping = new AbortController();
    const watching = scene.feed.watch({ businessId: 'acme', signal: stopping.signal });
    await watching.next();
    const next = watching.next();
    stopping.abort();
    expect(await next).toEqual({ done: true, value: undefined });
    expect(scene.feed.status().watchers).toBe(0);
    const ticking = jest.spyOn(globalThis, 'setInterval');
    const late = scene.feed.watch({ businessId: 'acme', signal: stopping.signal });
    expect(await late.next()).toEqual({ done: true, value: undefined });
    expect(ticking).not.toHaveBeenCalled();
    ticking.mockRestore();
  });

  it('takes as many watchers as it may have', async () => {
    const some = Array.from({ length: 50 }, () => watch());
    expect(() => watch()).toThrow(FeedFull);
    await some[0]?.return();
    await watch().next();
  });

  it('ends every watch when it is closed, and names where to go on', async () => {
    const watching = watch();
    const first = await watching.next();
    const next = watching.next();
    await scene.feed.close();
    await expect(next).rejects.toMatchObject({ reason: 'closing', position: first.value?.position });
    expect(watching.cut.reason).toBeInstanceOf(WatchEnded);
    expect(() => watch()).toThrow(WatchEnded);
  });

  it('does not begin while the ledger cannot be read, nor forget to begin later', async () => {
    await scene.store.close();
    await expect(watch().next()).rejects.toThrow(StoreUnavailable);
    expect(scene.feed.status().watchers).toBe(0);
  });
});

describeFeedOver('the embedded ledger', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'feed-contract-'));
  return openSqliteStore({ dataDir, diskReserveMb: 0 }).then((store) => ({
    store,
    cleanup: async () => {
      await store.close();
      rmSync(dataDir, { recursive: true });
    },
  }));
});

describe('a watcher that is slow', () => {
  it('is cut off when too much is unread, is told from where to go on, and has then missed nothing', async () => {
    await scene.stop();
    scene = new FeedScene();
    await scene.start({ bufferEvents: 100 });
    const [slow, quick] = [watch(), watch()];
    const first = await slow.next();
    await quick.next();
    const following = changesFrom(quick, 400);
    await scene.stops('acme', names('r', 400));
    await until(() => slow.cut.aborted);
    expect(await following).toHaveLength(400);
    const ended = slow.cut.reason as WatchEnded;
    expect(ended).toMatchObject({ reason: 'slow', position: first.value?.position });
    await expect(slow.next()).rejects.toBe(ended);
    expect(recipientsOf(await changesFrom(watch('acme', ended.position), 400))).toEqual(names('r', 400));
    expect(scene.feed.status().cutOff).toBe(1);
  });

  it('is cut off when it takes nothing for too long', async () => {
    await scene.stop();
    scene = new FeedScene();
    await scene.start({ stallMs: 300 });
    const [stalled, taking] = [watch(), watch()];
    await stalled.next();
    const marks = toldUntil(taking, () => stalled.cut.aborted);
    await until(() => stalled.cut.aborted);
    expect(stalled.cut.reason).toMatchObject({ reason: 'slow' });
    expect((await marks).length).toBeGreaterThan(1);
    expect(taking.cut.aborted).toBe(false);
  });

  it('keeps nobody from reading history, and goes on where it was when it reads again', async () => {
    await scene.stop();
    scene = new FeedScene();
    await scene.start({ historyReaders: 1 });
    const recipients = names('r', 900);
    await scene.stops('acme', recipients);
    const start = `${scene.store.ledgerId}.0`;
    const stalled = watch('acme', start);
    const before = await changesFrom(stalled, 10);
    expect(recipientsOf(await changesFrom(watch('acme', start), 900))).toEqual(recipients);
    const after = await changesFrom(stalled, 890);
    expect(recipientsOf([...before, ...after])).toEqual(recipients);
  });
});
