import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Appended, NewEvent } from '#event-store';
import type { LookUp } from './live-view-terms.js';
import { grant, imagined, link, stop } from './sample-events.js';
import { acknowledge, revocationsIn, stateIn, until, ViewScene } from './view-scene.js';

let scene: ViewScene;
beforeEach(() => {
  scene = new ViewScene();
});
afterEach(async () => {
  await scene.close();
  scene.remove();
});

const append = (stream: string, event: NewEvent): Promise<Appended> => scene.memory.append(stream, [event]);

function required(answer: LookUp | undefined): LookUp {
  if (answer === undefined) throw new Error('it has to be waited for');
  return answer;
}

describe('looking up', () => {
  it('answers with the states in the order asked for and the position of the copy', async () => {
    await append('consent-r1', grant(1));
    const { position } = await append('consent-r2', stop(1));
    const answer = await (await scene.open()).lookUp('acme', ['r2', 'unknown', 'r1']);
    expect(answer).toMatchObject({ ok: true, position });
    expect([0, 1, 2].map((index) => stateIn(answer, index)?.grants.length)).toStrictEqual([0, undefined, 1]);
  });

  it('shows a business nothing of another', async () => {
    await append('consent-r1', grant(1, 'zeta'));
    expect(stateIn(await (await scene.open()).lookUp('acme', ['r1']))).toBeUndefined();
  });

  it('joins those linked, near and far', async () => {
    await append('consent-r1', link('r2'));
    await append('consent-r2', link('r3'));
    await append('consent-r3', stop(1));
    expect(revocationsIn(await (await scene.open()).lookUp('acme', ['r1']))).toBe(1);
  });

  it('joins them at once where nothing has to be waited for, with what this process has acknowledged', async () => {
    await append('consent-r1', link('r2'));
    await append('consent-r2', link('r3'));
    await append('consent-r4', grant(1));
    const view = await scene.open();
    const atOnce = () => required(view.lookUpNow('acme', ['r4', 'r1', 'unknown', 'r3']));
    const revocations = () => [0, 1, 2, 3].map((index) => stateIn(atOnce(), index)?.revocations.length);
    expect(revocations()).toStrictEqual([0, 0, undefined, undefined]);
    await acknowledge(view, scene.memory, 'consent-r3', stop(1));
    expect(revocations()).toStrictEqual([0, 1, undefined, 1]);
  });

  it('denies at once, too, where more are linked than it can look at', async () => {
    for (let n = 0; n < 70; n += 1) await append(`consent-r${n}`, link(`r${n + 1}`));
    const view = await scene.open();
    expect(stateIn(required(view.lookUpNow('acme', ['r0'])))?.unreadable?.stream).toBe('consent-r0');
  });

  it('denies where more are linked than it can look at', async () => {
    for (let n = 0; n < 70; n += 1) await append(`consent-r${n}`, link(`r${n + 1}`));
    const view = await scene.open();
    expect(stateIn(await view.lookUp('acme', ['r0']))?.unreadable?.stream).toBe('consent-r0');
    expect(stateIn(await view.lookUp('acme', ['r60']))?.unreadable).toBeUndefined();
  });

  it('denies one recipient for an event it cannot read, and tells', async () => {
    await append('consent-r1', imagined(1));
    const { position } = await append('consent-r2', grant(1));
    const view = await scene.open();
    const answer = await view.lookUp('acme', ['r1', 'r2'], { atLeast: position });
    expect([stateIn(answer, 0)?.unreadable?.type, stateIn(answer, 1)?.unreadable]).toStrictEqual([
      'Unreadable',
      undefined,
    ]);
    expect(scene.unreadable).toMatchObject([{ stream: 'consent-r1', storedType: 'ConsentImagined' }]);
  });
});

describe("the copy's own rows", () => {
  it('are of a place at or past the one asked for, whatever business they belong to, and without linked ones', async () => {
    await append('consent-r1', link('r2'));
    await append('consent-r2', stop(1));
    const { position } = await append('consent-r3', grant(1, 'zeta'));
    const found = await (await scene.open()).rowsAt(position, ['r3', 'unknown', 'r1'], 10_000);
    expect(found?.position).toBe(position);
    expect(found?.rows.map((row) => row?.businessId)).toStrictEqual(['zeta', undefined, 'acme']);
    expect(found?.rows[2]?.state.revocations).toStrictEqual([]);
  });

  it('lack what this process has acknowledged, and say so by being behind', async () => {
    await append('consent-r1', grant(1));
    const view = await scene.open();
    const before = view.status().position as string;
    scene.memory.held = true;
    const { position } = await acknowledge(view, scene.memory, 'consent-r1', stop(2));
    expect(await view.rowsAt(position, ['r1'], 1)).toBeUndefined();
    expect((await view.rowsAt(before, ['r1'], 1))?.rows[0]?.state.revocations).toStrictEqual([]);
    const waiting = view.rowsAt(position, ['r1'], 10_000);
    scene.memory.held = false;
    expect((await waiting)?.rows[0]?.state.revocations).toHaveLength(1);
  });

  it('are never waited for where the place is in another ledger', async () => {
    await append('consent-r1', grant(1));
    expect(await (await scene.open()).rowsAt('elsewhere.1', ['r1'], 60_000)).toBeUndefined();
  });
});

describe('what was acknowledged', () => {
  it('is in the next answer although the copy has not passed it, for those linked too', async () => {
    await append('consent-r1', link('r2'));
    await append('consent-r2', grant(1));
    const view = await scene.open();
    scene.memory.held = true;
    await acknowledge(view, scene.memory, 'consent-r2', stop(2));
    for (const recipientId of ['r2', 'r1']) expect(revocationsIn(await view.lookUp('acme', [recipientId]))).toBe(1);
  });

  it('is never missing while the copy passes it and it is forgotten', async () => {
    const view = await scene.open();
    for (let n = 0; n < 200; n += 1) {
      const recipientId = `r${n % 20}`;
      await acknowledge(view, scene.memory, `consent-${recipientId}`, stop(n % 60));
      expect(revocationsIn(await view.lookUp('acme', [recipientId]))).toBe(1);
      if (n % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
  });

  it('links two recipients at once', async () => {
    await append('consent-r2', stop(1));
    const view = await scene.open();
    scene.memory.held = true;
    await acknowledge(view, scene.memory, 'consent-r1', link('r2', 2));
    expect(revocationsIn(await view.lookUp('acme', ['r1']))).toBe(1);
  });

  it('makes a recipient unreadable where the ledger has it under another business', async () => {
    await append('consent-r1', grant(1, 'zeta'));
    const view = await scene.open();
    scene.memory.held = true;
    await acknowledge(view, scene.memory, 'consent-r1', grant(2));
    expect(stateIn(await view.lookUp('acme', ['r1']))?.unreadable).toBeDefined();
  });
});

describe('freshness', () => {
  it('goes stale when the store stops answering, and comes back', async () => {
    await append('consent-r1', grant(1));
    const view = await scene.open();
    scene.memory.muteHead();
    await until(() => {
      scene.monotonicMs += 100;
      return !view.status().ready;
    });
    expect(await view.lookUp('acme', ['r1'])).toMatchObject({ ok: false, reason: 'VIEW_STALE', position: 'ledger.1' });
    expect(view.status().lagMs).toBeGreaterThan(5_000);
    scene.memory.answerHead();
    await until(() => view.status().ready);
    expect((await view.lookUp('acme', ['r1'])).ok).toBe(true);
  });

  it('says once that it is not proved, and why, where that takes long at the start', async () => {
    const head = scene.memory.head.bind(scene.memory);
    let asked = 0;
    // The first time it is opened by.
    scene.memory.head = () => ((asked += 1) === 1 ? head() : Promise.reject(new Error('no end to be had')));
    const opening = scene.open();
    const told = () => scene.errors.filter((error) => String(error).includes('nothing is answered yet'));
    await until(() => {
      scene.monotonicMs += 1_000;
      return told().length > 0;
    });
    const { monotonicMs } = scene;
    await until(() => (scene.monotonicMs += 1_000) > monotonicMs + 20_000);
    scene.memory.head = head;
    await opening;
    expect(told()).toEqual([expect.objectContaining({ cause: new Error('no end to be had') })]);
  });

  it('goes stale when the follower stands still although the store answers', async () => {
    const view = await scene.open();
    scene.memory.held = true;
    await append('consent-r1', stop(1));
    await until(() => {
      scene.monotonicMs += 100;
      return !view.status().ready;
    });
    expect(await view.lookUp('acme', ['r1'])).toMatchObject({ ok: false, reason: 'VIEW_STALE' });
    scene.memory.held = false;
    await until(() => view.status().ready);
    expect(revocationsIn(await view.lookUp('acme', ['r1']))).toBe(1);
  });
});

describe('at least a position', () => {
  it('waits for the copy to pass it', async () => {
    const view = await scene.open();
    scene.memory.held = true;
    const { position } = await append('consent-r1', stop(1));
    const answer = view.lookUp('acme', ['r1'], { atLeast: position });
    scene.memory.held = false;
    expect(revocationsIn(await answer)).toBe(1);
  });

  it('says that it is behind when the wait is over', async () => {
    const view = await scene.open({ waitForPositionMs: 10 });
    scene.memory.held = true;
    const { position } = await append('consent-r1', stop(1));
    expect(await view.lookUp('acme', ['r1'], { atLeast: position })).toMatchObject({ reason: 'VIEW_BEHIND' });
  });

  it('does not wait for a position of another ledger', async () => {
    const view = await scene.open({ waitForPositionMs: 2_147_483_647 });
    expect(await view.lookUp('acme', ['r1'], { atLeast: 'another.1' })).toMatchObject({ reason: 'VIEW_BEHIND' });
  });
});

describe('closing', () => {
  it('answers that nothing is available afterwards, and lets nobody wait', async () => {
    const view = await scene.open();
    const waiting = view.lookUp('acme', ['r1'], { atLeast: 'ledger.99' });
    await view.close();
    expect(await waiting).toMatchObject({ ok: false, reason: 'VIEW_BEHIND' });
    expect(await view.lookUp('acme', ['r1'])).toMatchObject({ ok: false, reason: 'VIEW_UNAVAILABLE' });
  });
});
