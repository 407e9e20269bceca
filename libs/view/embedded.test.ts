import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openSqliteStore, type SqliteStore } from '#event-store';
import { stateFromLedger } from './ledger-state.js';
import { rebuildView } from './rebuild.js';
import { grant, link, message, purpose, stop } from './sample-events.js';
import { acknowledge, revocationsIn, stateIn, until, ViewScene } from './view-scene.js';

/** The view over the embedded ledger, as the service runs it. */
let scene: ViewScene;
let store: SqliteStore;

beforeEach(async () => {
  scene = new ViewScene();
  store = await openSqliteStore({ dataDir: scene.dataDir });
});
afterEach(async () => {
  await scene.close();
  await store.close();
  scene.remove();
});

describe('the live view over the embedded ledger', () => {
  it('gives no stale yes while writers are at work', async () => {
    const view = await scene.open({}, store);
    const writer = async (name: string) => {
      for (let n = 0; n < 60; n += 1) {
        const recipientId = `${name}${n % 7}`;
        await acknowledge(view, store, `conversation-${recipientId}`, message(n));
        const { position } = await acknowledge(view, store, `consent-${recipientId}`, stop(n));
        expect(revocationsIn(await view.lookUp('acme', [recipientId]))).toBe(1);
        if (n % 9 === 0) expect(revocationsIn(await view.lookUp('acme', [recipientId], { atLeast: position }))).toBe(1);
      }
    };
    await Promise.all(['a', 'b', 'c', 'd'].map(writer));
    expect(scene.errors).toStrictEqual([]);
  });

  it('answers as the ledger itself does, linked recipients too', async () => {
    await store.append('business-acme', [purpose('offers')], 'none');
    await store.append('consent-r1', [grant(1), link('r2', 2)], 'none');
    await store.append('consent-r2', [link('r1', 2), stop(3)], 'none');
    await store.append('conversation-r2', [message(4)], 'any');
    const view = await scene.open({}, store);
    const answer = await view.lookUp('acme', ['r1', 'r2'], { atLeast: await store.head() });
    expect(view.catalogue.business('acme')?.state.purposes.length).toBe(1);
    for (const [index, recipientId] of ['r1', 'r2'].entries()) {
      expect((await stateFromLedger(store, 'acme', recipientId)).state).toStrictEqual(stateIn(answer, index));
    }
  });

  it('goes on where it was after a restart', async () => {
    const first = await scene.open({}, store);
    const { position } = await store.append('consent-r1', [stop(1)], 'any');
    await first.lookUp('acme', ['r1'], { atLeast: position });
    await first.close();
    await store.append('consent-r2', [stop(1)], 'any');
    const answer = await (await scene.open({}, store)).lookUp('acme', ['r1', 'r2']);
    expect([revocationsIn(answer, 0), revocationsIn(answer, 1)]).toStrictEqual([1, 1]);
    expect(scene.files()).toStrictEqual(['view-1.db']);
  });

  it('takes up what was rebuilt from a read-only ledger beside it', async () => {
    const view = await scene.open({}, store);
    for (let n = 0; n < 50; n += 1) await acknowledge(view, store, `consent-r${n}`, stop(n));
    const beside = await openSqliteStore({ dataDir: scene.dataDir, readOnly: true });
    const { events } = await rebuildView({ store: beside, dataDir: scene.dataDir, onProgress: () => undefined });
    await beside.close();
    expect(events).toBe(50);
    await acknowledge(view, store, 'consent-late', stop(1));
    await until(() => scene.files().join() === 'view-2.db');
    const answer = await view.lookUp('acme', ['r0', 'r49', 'late']);
    expect([0, 1, 2].map((index) => revocationsIn(answer, index))).toStrictEqual([1, 1, 1]);
    expect(scene.errors).toStrictEqual([]);
  });
});
