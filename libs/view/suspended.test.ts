import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { grant } from './sample-events.js';
import { SharedScene } from './shared-scene.js';
import { until } from './view-scene.js';

let scene: SharedScene;
beforeEach(() => {
  scene = new SharedScene();
});
afterEach(async () => scene.close());

it('a replica whose machine was suspended is stale until it has proved itself again, though its clock of durations stood still', async () => {
  await scene.memory.append('consent-r1', [grant(1)]);
  const view = await scene.open();
  const ask = () => view.lookUp('acme', ['r1']);
  scene.memory.muteHead();
  // What it knows is as old as the suspension was long, and a no of another replica's may be among what it lacks.
  scene.wallMs += 30_000;
  expect(await ask()).toMatchObject({ ok: false, reason: 'VIEW_STALE' });
  scene.memory.answerHead();
  await until(() => view.status().ready);
  expect(await ask()).toMatchObject({ ok: true });
  scene.wallMs -= 60_000;
  expect(await ask()).toMatchObject({ ok: true });
});
