import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Appended, NewEvent } from '#event-store';
import type { LiveView } from './live-view.js';
import { grant, link, stop } from './sample-events.js';
import { SharedScene } from './shared-scene.js';
import { revocationsIn, until } from './view-scene.js';

let scene: SharedScene;
beforeEach(() => {
  scene = new SharedScene();
});
afterEach(async () => scene.close());

const append = (stream: string, event: NewEvent): Promise<Appended> => scene.memory.append(stream, [event]);
const passes = (view: LiveView, { position }: Appended) => until(() => view.status().position === position);

describe('an answer about somebody linked', () => {
  it('waits where only the one asked for is in memory, and comes at once when the other is, too', async () => {
    await append('consent-r1', stop(1));
    await append('consent-r2', grant(1));
    const view = await scene.open();
    await view.lookUp('acme', ['r2']);
    expect(view.lookUpNow('acme', ['r2'])).toMatchObject({ ok: true });
    await passes(view, await append('consent-r2', link('r1', 2)));
    expect(view.lookUpNow('acme', ['r2'])).toBeUndefined();
    expect(revocationsIn(await view.lookUp('acme', ['r2']))).toBe(1);
    expect(view.lookUpNow('acme', ['r2'])).toMatchObject({ ok: true, states: [{ links: [{ recipientId: 'r1' }] }] });
  });
});
