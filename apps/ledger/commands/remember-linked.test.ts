import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { readRecipientEvent } from '../../../libs/view/project.js';
import { grant, link, stop } from '../../../libs/view/sample-events.js';
import { SharedScene } from '../../../libs/view/shared-scene.js';
import { revocationsIn, until } from '../../../libs/view/view-scene.js';
import type { Parts } from '../parts.js';
import { rememberForLinked } from './remember-linked.js';

let scene: SharedScene;
beforeEach(() => {
  scene = new SharedScene();
});
afterEach(() => scene.close());

describe('an opt-out of somebody who is linked', () => {
  it('is known of whoever was linked behind it, before this process has heard of the link', async () => {
    const { memory } = scene;
    await memory.append('consent-r', [grant(1)]);
    await memory.append('consent-r', [link('m', 1)]);
    await memory.append('consent-m', [link('r', 1)]);
    await memory.append('consent-o', [grant(1)]);
    const view = await scene.open();
    const no = stop(9);
    const appended = await memory.append('consent-r', [no]);
    await until(() => view.status().position === appended.position);
    memory.held = true;
    // Another process links them meanwhile, and it is acknowledged there.
    await memory.append('consent-m', [link('o', 2)]);
    await memory.append('consent-o', [link('m', 2)]);
    const { event, origin } = readRecipientEvent({ ...no, stream: 'consent-r', ...appended });
    const place = { ...origin, position: appended.position };
    const parts = { store: memory, view, log: { error: (error: unknown) => scene.errors.push(error) } };
    await rememberForLinked(parts as unknown as Parts, { businessId: 'acme', recipientId: 'r', event, place });
    expect(scene.errors).toEqual([]);
    expect(revocationsIn(await view.lookUp('acme', ['o']))).toBe(1);
    memory.held = false;
  });
});
