import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Appended, NewEvent } from '#event-store';
import type { LiveView } from './live-view.js';
import { grant, stop } from './sample-events.js';
import { SharedScene } from './shared-scene.js';
import { revocationsIn, stateIn, until } from './view-scene.js';

let scene: SharedScene;
beforeEach(() => {
  scene = new SharedScene();
});
afterEach(async () => scene.close());

const append = (stream: string, event: NewEvent): Promise<Appended> => scene.memory.append(stream, [event]);
const ask = (view: LiveView, recipientId: string) => view.lookUp('acme', [recipientId]);
const rowsPass = (view: LiveView, { position }: Appended) => until(() => view.status().shared?.position === position);

describe('rows that are damaged', () => {
  it('are made anew, and nothing is answered from them until they have come on again', async () => {
    const view = await scene.open();
    await rowsPass(view, await append('consent-r1', stop(1)));
    await until(() => view.status().shared?.recent === 0);
    scene.rows.damaged = true;
    expect(await ask(view, 'r1')).toMatchObject({ ok: false, reason: 'VIEW_UNAVAILABLE' });
    await until(() => !scene.rows.damaged);
    let answer = await ask(view, 'r1');
    await until(() => view.status().shared?.problem === undefined);
    while (!answer.ok) answer = await ask(view, 'r1');
    expect(revocationsIn(answer)).toBe(1);
    expect((await scene.rows.read(['r1'])).rows[0]?.state.revocations).toHaveLength(1);
  });
});

describe('rows that are damaged, of whom nobody asks', () => {
  it('are made anew where whoever moves them on meets them', async () => {
    const view = await scene.open();
    await rowsPass(view, await append('consent-r1', grant(1)));
    await until(() => view.status().shared?.recent === 0);
    scene.election.open = false;
    scene.rows.damaged = true;
    await append('consent-r1', stop(2));
    await until(() => !scene.rows.damaged);
  });
});

describe('rows that are damaged, and that another process has made anew', () => {
  it('are not made anew once more', async () => {
    const view = await scene.open();
    await rowsPass(view, await append('consent-r1', stop(1)));
    await until(() => view.status().shared?.recent === 0);
    scene.rows.damaged = true;
    const asked = ask(view, 'r1');
    // By the time that the next look would make them anew they are others.
    scene.generation = 2;
    expect(await asked).toMatchObject({ ok: false, reason: 'VIEW_UNAVAILABLE' });
    const looks = scene.rows.looks;
    await until(() => scene.rows.looks > looks + 1);
    expect(scene.rows.damaged).toBe(true);
  });
});

describe('rows whose place others took', () => {
  it('are not answered from memory any more', async () => {
    await append('consent-r1', grant(1));
    const view = await scene.open();
    await until(() => view.status().shared?.position !== undefined);
    scene.rows.held = true;
    const before = ask(view, 'r1');
    await until(() => scene.rows.waiting.length > 0);
    scene.rows.release();
    await before;
    expect(view.lookUp('acme', ['r1'])).not.toBeInstanceOf(Promise);
    scene.generation = 2;
    await until(() => view.lookUp('acme', ['r1']) instanceof Promise);
  });

  it('are read again where that happened while they were read', async () => {
    await append('consent-r1', grant(1));
    await append('consent-r2', grant(1));
    const view = await scene.open();
    await ask(view, 'r1');
    scene.rows.held = true;
    const answer = ask(view, 'r2');
    await until(() => scene.rows.waiting.length > 0);
    scene.generation = 2;
    await until(() => view.lookUp('acme', ['r1']) instanceof Promise);
    scene.rows.waiting.splice(0).forEach((go) => go());
    await until(() => scene.rows.waiting.length > 0);
    scene.rows.release();
    expect(stateIn(await answer)?.grants).toHaveLength(1);
  });
});
