import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Appended, NewEvent, Position } from '#event-store';
import { advance } from './advance.js';
import { stateFromLedger } from './ledger-state.js';
import type { LiveView } from './live-view.js';
import { MemoryLedger } from './memory-ledger.js';
import { VIEW_PREFIXES } from './project.js';
import { grant, link, purpose, stop } from './sample-events.js';
import { SharedScene } from './shared-scene.js';
import { acknowledge, revocationsIn, stateIn, until } from './view-scene.js';

let scene: SharedScene;
beforeEach(() => {
  scene = new SharedScene();
});
afterEach(async () => scene.close());

const append = (stream: string, event: NewEvent): Promise<Appended> => scene.memory.append(stream, [event]);
const ask = (view: LiveView, recipientId: string, atLeast?: Position) =>
  view.lookUp('acme', [recipientId], atLeast === undefined ? {} : { atLeast });
const passes = (view: LiveView, { position }: Appended) => until(() => view.status().position === position);
const rowsPass = (view: LiveView, { position }: Appended) => until(() => view.status().shared?.position === position);

describe('over shared rows', () => {
  it('one of the processes moves them on, and another when that one is gone', async () => {
    const [one, other] = [await scene.open(), await scene.open()];
    await until(() => one.status().shared?.projecting === true);
    expect(other.status().shared?.projecting).toBe(false);
    await rowsPass(other, await append('consent-r1', stop(1)));
    await one.close();
    await until(() => other.status().shared?.projecting === true);
    await rowsPass(other, await append('consent-r1', stop(2)));
  });

  it('what one process has acknowledged is in the answers of another that was told the position', async () => {
    const [one, other] = [await scene.open(), await scene.open()];
    for (let n = 0; n < 50; n += 1) {
      const { position } = await acknowledge(one, scene.memory, `consent-r${n % 10}`, stop(n));
      expect(revocationsIn(await ask(other, `r${n % 10}`, position))).toBe(1);
    }
  });

  it('answers are complete while nobody moves the rows on, of those in memory and of others', async () => {
    await append('consent-r1', grant(1));
    await append('consent-r2', link('r1'));
    const view = await scene.open();
    await ask(view, 'r1');
    scene.election.open = false;
    await passes(view, await append('consent-r1', stop(2)));
    for (const recipientId of ['r1', 'r2']) expect(revocationsIn(await ask(view, recipientId))).toBe(1);
    expect(view.status().shared?.recent).toBeGreaterThan(0);
  });

  it('a view that could not be opened leaves their moving to others', async () => {
    const readAll = scene.memory.readAll.bind(scene.memory);
    scene.memory.readAll = async (options) => {
      if (options.prefixes?.[0] === 'business-') throw new Error('the ledger is away');
      return readAll(options);
    };
    await expect(scene.open()).rejects.toThrow('the ledger is away');
    scene.memory.readAll = readAll;
    const view = await scene.open();
    await until(() => view.status().shared?.projecting === true);
  });

  it('registers come with them, and move on with the follower', async () => {
    await append('business-acme', purpose('offers'));
    await rowsPass(await scene.open(), await append('consent-r1', grant(1)));
    scene.election.open = false;
    const view = await scene.open();
    await passes(view, await append('business-acme', purpose('news')));
    expect(view.catalogue.business('acme')?.state.purposes.map(({ purposeId }) => purposeId)).toStrictEqual([
      'offers',
      'news',
    ]);
  });

  it.each([
    ['others', 1],
    ['an older copy', 0],
  ])(
    'registers are of the very rows that the position is of, where %s take their place meanwhile',
    async (_who, more) => {
      const { rows, election } = scene;
      const older = await rows.backUp();
      const one = await scene.open();
      await rowsPass(one, await append('business-acme', purpose('offers')));
      election.open = false;
      const businesses = rows.businesses.bind(rows);
      rows.businesses = async () => {
        rows.businesses = businesses;
        scene.generation += more;
        await rows.restore(older);
        return businesses();
      };
      const other = await scene.open();
      expect(other.catalogue.business('acme')).toEqual(one.catalogue.business('acme'));
    },
  );

  it('what is forgotten because the rows hold it is not missed', async () => {
    const view = await scene.open({ cacheEntries: 1 });
    const appended = await append('consent-r1', stop(1));
    await passes(view, appended);
    await until(() => view.status().shared?.recent === 0);
    for (const other of ['r2', 'r3', 'r4']) await ask(view, other);
    expect(revocationsIn(await ask(view, 'r1'))).toBe(1);
  });
});

describe('a reading of the rows', () => {
  it('is joined with what the follower came to meanwhile', async () => {
    await append('consent-r1', grant(1));
    const view = await scene.open();
    scene.election.open = false;
    scene.rows.held = true;
    const answer = ask(view, 'r1');
    await until(() => scene.rows.waiting.length > 0);
    const stopped = await append('consent-r1', stop(2));
    await passes(view, stopped);
    scene.rows.release();
    expect(await answer).toMatchObject({ ok: true, position: stopped.position });
    expect(revocationsIn(await answer)).toBe(1);
    expect(revocationsIn(await ask(view, 'r1'))).toBe(1);
  });

  it('is made again where what it may lack was forgotten meanwhile', async () => {
    await append('consent-r1', grant(1));
    const view = await scene.open();
    scene.rows.held = true;
    const answer = ask(view, 'r1');
    await until(() => scene.rows.waiting.length > 0);
    const overtaken = scene.rows.waiting.splice(0);
    scene.rows.held = false;
    await passes(view, await append('consent-r1', stop(2)));
    await until(() => view.status().shared?.recent === 0);
    overtaken.forEach((go) => go());
    expect(revocationsIn(await answer)).toBe(1);
  });

  it('waits for the follower where the rows are ahead of it', async () => {
    const view = await scene.open();
    scene.election.open = false;
    scene.memory.held = true;
    const { position } = await append('consent-r1', stop(1));
    const page = await scene.memory.readAll({ prefixes: VIEW_PREFIXES, limit: 100 });
    await advance(scene.rows, page, () => undefined);
    const answer = ask(view, 'r1');
    scene.memory.held = false;
    expect(await answer).toMatchObject({ ok: true, position });
    expect(revocationsIn(await answer)).toBe(1);
  });

  it('is of no use where the process was stopped while it waited', async () => {
    await append('consent-r1', grant(1));
    const view = await scene.open();
    scene.rows.held = true;
    const answer = ask(view, 'r1');
    await until(() => scene.rows.waiting.length > 0);
    scene.memory.muteHead();
    await until(() => {
      scene.monotonicMs += 100;
      return !view.status().ready;
    });
    scene.rows.release();
    expect(await answer).toMatchObject({ ok: false, reason: 'VIEW_STALE' });
  });
});

describe('rows that are away', () => {
  it('keep nobody from those in memory, and are told of once', async () => {
    await append('consent-r1', grant(1));
    const view = await scene.open();
    await ask(view, 'r1');
    scene.rows.away = true;
    await passes(view, await append('consent-r1', stop(2)));
    for (let n = 0; n < 5; n += 1) {
      expect(revocationsIn(await ask(view, 'r1'))).toBe(1);
      expect(await ask(view, 'r2')).toMatchObject({ ok: false, reason: 'VIEW_UNAVAILABLE' });
    }
    expect(view.status()).toMatchObject({ ready: true, shared: { problem: 'the shared view cannot be reached' } });
    const told = scene.errors.filter((error) => String(error).includes('the rows are away'));
    expect(told.length).toBeLessThan(5);
    scene.rows.away = false;
    await until(() => view.status().shared?.problem === undefined);
    expect((await ask(view, 'r2')).ok).toBe(true);
  });

  it('that went back are not answered from until they have come on again, with nothing left out', async () => {
    await append('consent-r1', grant(1));
    const view = await scene.open();
    await rowsPass(view, await append('consent-r0', grant(1)));
    const backup = await scene.rows.backUp();
    await ask(view, 'r9');
    const stopped = await append('consent-r1', stop(2));
    await rowsPass(view, stopped);
    await until(() => view.status().shared?.recent === 0);
    scene.election.open = false;
    await until(() => view.status().shared?.projecting === false);
    scene.rows.held = true;
    await scene.rows.restore(backup);
    await passes(view, await append('consent-r2', stop(3)));
    await until(() => view.status().shared?.problem?.includes('went back') === true);
    expect(await ask(view, 'r9')).toMatchObject({ ok: true });
    const answer = ask(view, 'r1');
    await until(() => scene.rows.waiting.length > 0);
    scene.rows.release();
    expect(await answer).toMatchObject({ ok: false, reason: 'VIEW_UNAVAILABLE' });
    expect(scene.errors.map(String).join()).not.toContain('faster');
    scene.election.open = true;
    await until(() => view.status().shared?.problem === undefined);
    expect(revocationsIn(await ask(view, 'r1'))).toBe(1);
    await until(() => view.status().shared?.position === view.status().position);
    expect((await scene.rows.read(['r1'])).rows[0]?.state.revocations).toHaveLength(1);
  });

  it('that went back under whoever moves them on lose nothing', async () => {
    // Looked at seldom, or whoever notices the rest would be faster.
    const view = await scene.open({ probeIntervalMs: 200 });
    await rowsPass(view, await append('consent-r0', grant(1)));
    const backup = await scene.rows.backUp();
    await rowsPass(view, await append('consent-r1', stop(1)));
    await scene.rows.restore(backup);
    await rowsPass(view, await append('consent-r2', stop(1)));
    const { rows } = await scene.rows.read(['r0', 'r1', 'r2']);
    expect(rows.map((row) => row?.state.revocations.length)).toStrictEqual([0, 1, 1]);
  });
});

describe('rows that stand still', () => {
  it('are moved on by whoever notices, though another was chosen', async () => {
    await scene.election.stand(new AbortController().signal);
    const view = await scene.open();
    await rowsPass(view, await append('consent-r1', stop(1)));
    expect(view.status().shared?.projecting).toBe(false);
  });

  it('are no fault where two who notice it move them at once', async () => {
    await scene.election.stand(new AbortController().signal);
    const views = [await scene.open(), await scene.open()];
    scene.rows.held = true;
    const position = await append('consent-r1', stop(1));
    await until(() => scene.rows.waiting.length === views.length);
    scene.rows.release();
    for (const view of views) await rowsPass(view, position);
    expect(scene.errors).toEqual([]);
  });

  it('stop the follower before too much is kept, and every answer with it', async () => {
    const view = await scene.open({}, 20);
    await rowsPass(view, await append('consent-r0', stop(1)));
    scene.rows.away = true;
    for (let n = 0; n < 1_000; n += 1) await append(`consent-r${n}`, stop(1));
    await until(() => {
      scene.monotonicMs += 100;
      return !view.status().ready;
    });
    expect(await ask(view, 'r0')).toMatchObject({ ok: false, reason: 'VIEW_STALE' });
    // A batch is taken whole.
    expect(view.status().shared?.recent).toBeLessThan(300);
    scene.rows.away = false;
    await until(() => view.status().ready);
    expect(revocationsIn(await ask(view, 'r999'))).toBe(1);
  });
});

describe('whatever happens', () => {
  it('an answer is what the ledger says of its position', async () => {
    const pending: Promise<void>[] = [];
    const views = [await scene.open({ cacheEntries: 3 }), await scene.open({ cacheEntries: 1 })];
    for (let n = 0; n < 300; n += 1) {
      const recipientId = `r${n % 7}`;
      await append(`consent-${recipientId}`, n % 3 === 0 ? stop(n % 60) : grant(n % 60));
      scene.rows.held = n % 4 === 1;
      if (n % 50 === 25) scene.election.open = !scene.election.open;
      if (n % 4 === 3) scene.rows.release();
      const view = views[n % 2] as LiveView;
      const asked = [`r${(n * 5) % 7}`, recipientId];
      const answering = Promise.resolve(view.lookUp('acme', asked)).then((answer) => compare(asked, answer));
      if (n % 4 === 0) await answering;
      else pending.push(answering);
      if (n % 5 === 0) await new Promise((resolve) => setTimeout(resolve, 3));
    }
    scene.rows.release();
    const compared = await Promise.all(pending);
    expect(compared.length).toBeGreaterThan(200);
  });

  async function compare(asked: readonly string[], answer: Awaited<ReturnType<LiveView['lookUp']>>): Promise<void> {
    if (!answer.ok) throw new Error(answer.reason);
    const upTo = Number(answer.position.split('.')[1]);
    const then = new MemoryLedger('ledger');
    then.events.push(...scene.memory.events.slice(0, upTo));
    for (const [index, recipientId] of asked.entries()) {
      const { state } = await stateFromLedger(then, 'acme', recipientId);
      expect(stateIn(answer, index)).toStrictEqual(state);
    }
  }
});
