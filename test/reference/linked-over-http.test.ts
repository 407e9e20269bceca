import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SettableClock } from '#platform';
import { type Chance, chance } from '../faults/full.js';
import { happeningsIn } from '../faults/record.js';
import { disagreements } from '../faults/verdicts.js';
import { businessOf, type Json } from '../http/support/acme.js';
import { people } from '../promises/support/people.js';
import { grantBody, must, registerAcme } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';

const NOON = Date.parse('2026-05-04T12:00:00.000Z');
const STORIES = 12;
const DEEDS = 24;
const CAST = 5;
const somebody = people(63);

/** What people do, over HTTP; times go back as well as on, as late reports do. */
const DEEDS_OF = {
  link: ({ acme, one, other, occurredAt }) =>
    acme.post('/links', { recipient: one, other, kind: 'same_person', occurredAt }),
  change: ({ acme, one, other, occurredAt }) =>
    acme.post('/links', { recipient: one, other, kind: 'changed_number', occurredAt }),
  unlink: ({ acme, one, other, occurredAt }) =>
    acme.delete('/links', { recipient: one, other, kind: 'same_person', occurredAt }),
  grant: ({ acme, one, occurredAt }) => acme.grant(grantBody(one.phone, { occurredAt })),
  message: ({ acme, one, occurredAt, label }) =>
    acme.message({ recipient: one, channel: 'whatsapp', sender: 'main', messageId: label, occurredAt }),
  stop: ({ acme, one, occurredAt }) =>
    acme.revoke({ recipient: one, method: 'keyword', channels: ['whatsapp'], occurredAt }),
  erase: ({ acme, one }) => acme.post('/erasures', { recipient: one }),
} satisfies Record<string, (deed: Deed) => Promise<Awaited<ReturnType<ReturnType<typeof businessOf>['get']>>>>;

const KINDS = ['link', 'change', 'unlink', 'grant', 'link', 'grant', 'message', 'stop', 'unlink', 'erase'] as const;

interface Deed {
  readonly acme: ReturnType<typeof businessOf>;
  readonly one: { readonly phone: string };
  readonly other: { readonly phone: string };
  readonly occurredAt: string;
  readonly label: string;
}

describe('people who are linked and unlinked over HTTP', () => {
  const clock = new SettableClock(NOON);
  let service: TestService;
  let random: Chance;

  beforeAll(async () => {
    random = chance('linked people over HTTP');
    service = await startTestService({ clock });
    await registerAcme(service);
  });
  afterAll(() => service.stop());

  const pastOf = () => new Date(clock.now() - random.oneOf([0, 0, 0, 1, 1_000, 3_600_000])).toISOString();

  async function tellAStory(story: number): Promise<readonly string[]> {
    const acme = businessOf(service);
    const cast = Array.from({ length: CAST }, () => ({ phone: somebody() }));
    const ids = new Set<string>();
    const told: Json[] = [];
    for (let n = 0; n < DEEDS; n += 1) {
      clock.setTo(clock.now() + random.oneOf([0, 1, 60_000, 3_600_000]));
      const kind = random.oneOf(KINDS);
      const [one, other] = [random.between(0, CAST), random.between(1, CAST)];
      const named = { one: cast[one] as Deed['one'], other: cast[(one + other) % CAST] as Deed['one'] };
      const deed = { acme, ...named, occurredAt: pastOf(), label: `story-${story}-${n}` };
      told.push({ kind, ...named, occurredAt: deed.occurredAt });
      ids.add(String((await must(DEEDS_OF[kind](deed))).body.recipientId));
    }
    const { events } = await service.running.parts.store.readAll({
      prefixes: ['consent-', 'conversation-'],
      limit: 1_000_000,
    });
    const found = await disagreements(service, [...ids], happeningsIn(events));
    return found.length === 0 ? [] : [...found, JSON.stringify(told)];
  }

  it(`answer as the reference model does, by the view and by the ledger, in ${STORIES} stories`, async () => {
    for (let story = 0; story < STORIES; story += 1) expect(await tellAStory(story)).toEqual([]);
  }, 120_000);
});
