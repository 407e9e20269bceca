import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { EMPTY_STATE, type RecipientState } from '#consent';
import type { Appended, NewEvent } from '#event-store';
import type { LiveView } from './live-view.js';
import { withLinked } from './linked-states.js';
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

  it('asks for everybody linked to those asked for at once, step by step', async () => {
    const linkTo = (other: string): RecipientState => ({ ...EMPTY_STATE, links: linksOf(other) });
    const known: Readonly<Record<string, RecipientState>> = { a2: linkTo('a3'), b2: EMPTY_STATE, a3: EMPTY_STATE };
    const asked: (readonly string[])[] = [];
    const states = await withLinked(['a1', 'none', 'b1'], [linkTo('a2'), undefined, linkTo('b2')], async (ids) => {
      asked.push(ids);
      return ids.map((id) => known[id]);
    });
    expect(asked).toStrictEqual([['a2', 'b2'], ['a3']]);
    expect(states.map((state) => state?.links[0]?.recipientId)).toStrictEqual(['a2', undefined, 'b2']);
  });
});

function linksOf(recipientId: string): RecipientState['links'] {
  const basis = { eventId: 'e', type: 'RecipientLinked', stream: 'consent-x', revision: '0' } as const;
  const at = '2026-05-01T10:00:00.000Z';
  return [{ recipientId, link: { ...basis, kind: 'same_person', occurredAt: at, recordedAt: at } }];
}
