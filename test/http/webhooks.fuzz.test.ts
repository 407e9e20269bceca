import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { MINUTE_MS, SECOND_MS } from '#consent';
import { SettableClock } from '#platform';
import { deliver, must, registerAcme } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { businessOf, headOf, type Json } from './support/acme.js';
import { keptBodies, recordedSince, saysAnotherText, stoppedBy, WORD } from './support/heard-stop.js';

/** fast-check prints the seed and the path of every failure; give them to `fc.assert` to see it again. */
const FULL = process.env.FAULTS === 'full';
const RUNS = { numRuns: FULL ? 1_500 : 80 };
const PATIENCE_MS = FULL ? 900_000 : 180_000;

const NOON = Date.parse('2026-05-04T12:00:00.000Z');
const GOLDEN = new URL('../../libs/providers/whatsapp/golden/', import.meta.url);
const PAYLOADS = readdirSync(GOLDEN).map((file) => JSON.parse(readFileSync(new URL(file, GOLDEN), 'utf8')) as Json);
const STOP = readFileSync(new URL('stop.json', GOLDEN), 'utf8');

interface Mutation {
  /** Which member of the payload, in the order of a walk through it. */
  readonly at: number;
  readonly to: { readonly value: unknown } | { readonly name: string } | 'gone' | 'twice';
}

/** The golden STOP has about as many members: each of its mutations meets something. */
const MEMBERS_OF_STOP = 26;

const mutationWithin = (members: number): fc.Arbitrary<Mutation> =>
  fc.record({
    at: fc.nat(members),
    to: fc.oneof(
      fc.record({
        value: fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom('', '0', [null], {}, 1e21, 'stop', '\u0000')),
      }),
      fc.record({ name: fc.constantFrom('__proto__', 'constructor', 'toString', 'anything', '') }),
      fc.constant('gone' as const),
      fc.constant('twice' as const),
    ),
  });
const mutation = mutationWithin(60);

function mutated(payload: unknown, { at, to }: Mutation): unknown {
  let count = 0;
  const entriesOf = (key: string, value: unknown): [string, unknown][] => {
    if (count++ !== at) return [[key, walk(value)]];
    if (to === 'gone') return [];
    if (to === 'twice')
      return [
        [key, value],
        [`${key}2`, value],
      ];
    return 'name' in to ? [[to.name, value]] : [[key, to.value]];
  };
  const walk = (value: unknown): unknown => {
    if (Array.isArray(value))
      return value.flatMap((item, index) => entriesOf(String(index), item).map(([, one]) => one));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).flatMap(([key, member]: [string, unknown]) => entriesOf(key, member)),
    );
  };
  return walk(payload);
}

describe('mutated WhatsApp deliveries', () => {
  let service: TestService;
  let people = 0;

  beforeAll(async () => {
    service = await startTestService({ clock: new SettableClock(NOON) });
    await registerAcme(service);
  });
  afterAll(() => service.stop());

  it(
    'are never answered by an error of ours',
    async () => {
      const delivery = fc.record({
        payload: fc.constantFrom(...PAYLOADS),
        mutations: fc.array(mutation, { maxLength: 6 }),
      });
      const property = fc.asyncProperty(delivery, async ({ payload, mutations }) => {
        const answer = await deliver(service, JSON.stringify(mutations.reduce(mutated, payload as unknown)));
        expect({ status: answer.status, body: answer.body }).toEqual({ status: 200, body: { received: true } });
      });
      await fc.assert(property, RUNS);
    },
    PATIENCE_MS,
  );

  it(
    'are never answered by an error of ours as broken bytes either',
    async () => {
      const broken = fc.record({ at: fc.nat(STOP.length), bytes: fc.uint8Array({ minLength: 1, maxLength: 4 }) });
      const property = fc.asyncProperty(broken, async ({ at, bytes }) => {
        const text = Buffer.concat([Buffer.from(STOP.slice(0, at)), bytes, Buffer.from(STOP.slice(at))]).toString();
        expect((await deliver(service, text)).status).toBe(200);
      });
      await fc.assert(property, { numRuns: RUNS.numRuns / 2 });
    },
    PATIENCE_MS,
  );

  it(
    'lose no STOP that stands in them whole: the person is stopped, or the message kept',
    async () => {
      const acme = businessOf(service);
      const others = fc.record({
        payload: fc.constantFrom(...PAYLOADS),
        mutations: fc.array(mutation, { maxLength: 4 }),
      });
      const property = fc.asyncProperty(others, async ({ payload, mutations }) => {
        const phone = `393335${String(300_000 + people++)}`;
        const stop = JSON.parse(STOP.replaceAll('16505551234', phone).replace('golden02', `fuzz-${phone}`)) as {
          entry: unknown[];
        };
        const beside = (mutations.reduce(mutated, payload as unknown) ?? {}) as { entry?: unknown };
        const entry = [...(Array.isArray(beside.entry) ? (beside.entry as unknown[]) : [beside.entry]), ...stop.entry];
        await must(deliver(service, { object: 'whatsapp_business_account', entry }));
        expect(await acme.check({ phone: `+${phone}` }, 'offers')).toMatchObject({
          eligible: false,
          reason: 'REVOKED',
        });
      });
      await fc.assert(property, RUNS);
    },
    PATIENCE_MS,
  );

  it(
    'lose no STOP whose own message is mutated: whoever it names is stopped, or it is kept word for word',
    async () => {
      const acme = businessOf(service);
      const ownMutations = fc.array(mutationWithin(MEMBERS_OF_STOP), { minLength: 1, maxLength: 4 });
      const property = fc.asyncProperty(ownMutations, async (mutations) => {
        const phone = `393335${String(600_000 + people++)}`;
        const payload = mutations.reduce(mutated, JSON.parse(stopOf(phone)) as unknown);
        const raw = JSON.stringify(payload);
        fc.pre(raw.includes(`"${WORD}"`) && !saysAnotherText(payload));
        await service.running.parts.vault.dropUnroutedBefore('9999-01-01T00:00:00.000Z');
        const from = await headOf(service);
        await must(deliver(service, raw));
        const [recorded, kept] = [await recordedSince(service, from), await keptBodies(service)];
        const isHeard = recorded.some(({ text }) => text === WORD) || kept.some((body) => body.includes(`"${WORD}"`));
        expect({ raw, isHeard }).toEqual({ raw, isHeard: true });
        for (const recipient of stoppedBy(payload)) {
          expect({ raw, ...(await acme.check(recipient, 'offers')) }).toMatchObject({ reason: 'REVOKED' });
        }
        // Nobody is stopped whom the delivery does not name, and a STOP opens no window, whatever is wrong with it.
        for (const { address } of recorded) expect(digitsOf(raw)).toContain(digitsOf(String(address)));
        expect(await acme.check({ phone: `+${phone}` }, 'service')).toMatchObject({ eligible: false });
        const head = await headOf(service);
        await must(deliver(service, raw));
        expect({ head: await headOf(service), kept: await keptBodies(service) }).toEqual({ head, kept });
      });
      await fc.assert(property, RUNS);
    },
    PATIENCE_MS,
  );
});

function digitsOf(text: string): string {
  return text.replaceAll(/\D/g, '');
}

/** The golden STOP as if this person had written it a minute ago, so that it could open a window. */
function stopOf(phone: string): string {
  const written = String((NOON - MINUTE_MS) / SECOND_MS);
  return STOP.replaceAll('16505551234', phone)
    .replaceAll('13491208655302741918', phone)
    .replace('golden02', `own-${phone}`)
    .replace('1749416384', written);
}
