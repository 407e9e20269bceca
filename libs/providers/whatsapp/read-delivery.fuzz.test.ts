import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseJson } from './json.js';
import { readDelivery } from './read-delivery.js';

/** fast-check prints the seed and the path of every failure; give them to `fc.assert` to see it again. */
const RUNS = { numRuns: process.env.FAULTS === 'full' ? 10_000 : 1_000 };

const GOLDEN = new URL('./golden/', import.meta.url);
const PAYLOADS = readdirSync(GOLDEN).map((file) => readFileSync(new URL(file, GOLDEN)));

const LISTS = ['messages', 'statuses', 'user_preferences'];
const MARK = 'mark';

type Json = unknown;

/** All golden deliveries in one, each message, status and preference with a mark of its own. */
function markedDelivery(): Json {
  let marks = 0;
  const entry = PAYLOADS.flatMap((bytes) => (parseJson(bytes) as { entry: Json[] }).entry);
  return changeEach({ object: 'whatsapp_business_account', entry }, (key, value) => {
    if (!LISTS.includes(key) || !Array.isArray(value)) return value;
    return value.map((item: object) => ({ ...item, [MARK]: `m${marks++}.` }));
  });
}

/** Rebuilds a JSON value, with `change` applied to each member, the deepest first. */
function changeEach(value: Json, change: (key: string, value: Json) => Json): Json {
  if (Array.isArray(value)) return value.map((item, index) => change(String(index), changeEach(item, change)));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, change(key, changeEach(member, change))]),
  );
}

interface Mutation {
  readonly at: number;
  readonly to: { readonly value: Json } | { readonly name: string };
}

const mutation: fc.Arbitrary<Mutation> = fc.record({
  at: fc.nat(600),
  to: fc.oneof(
    fc.record({
      value: fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom('', '0', '131050', [null], [[]], {}, 1e21)),
    }),
    fc.record({ name: fc.constantFrom('__proto__', 'constructor', 'toString', 'anything', '') }),
  ),
});

/** Replaces or renames the so-manieth member of the delivery. A mark is never touched, so that it can be counted. */
function mutated(delivery: Json, { at, to }: Mutation): Json {
  let count = 0;
  const renamed = (value: Json): Json => {
    if (Array.isArray(value)) return value.map((item) => (count++ === at && 'value' in to ? to.value : renamed(item)));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, member]): [string, Json] => {
        if (key === MARK || count++ !== at) return [key, renamed(member)];
        return 'name' in to ? [to.name, member] : [key, to.value];
      }),
    );
  };
  return renamed(delivery);
}

function marksIn(text: string): string[] {
  return [...text.matchAll(/"mark":"(m\d+\.)"/g)].map(([, mark]) => mark ?? '');
}

describe('readDelivery of mutated deliveries', () => {
  const whole = markedDelivery();

  it('puts each message, status and preference in exactly one of facts, unrouted and ignored', () => {
    const property = fc.property(fc.array(mutation, { maxLength: 12 }), (mutations) => {
      const body = JSON.stringify(mutations.reduce(mutated, whole));
      const { facts, unrouted, ignored } = readDelivery(Buffer.from(body));
      const kept = unrouted.flatMap((part) => marksIn(part.body));
      const counted = Object.values(ignored).reduce((sum, count) => sum + count, 0);
      expect(new Set(kept).size).toBe(kept.length);
      expect(kept.length + facts.length + counted).toBe(marksIn(body).length);
    });
    fc.assert(property, RUNS);
  });

  it('keeps parts that read as themselves, and says nothing of a payload in their kind', () => {
    const property = fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (mutations) => {
      for (const part of readDelivery(Buffer.from(JSON.stringify(mutations.reduce(mutated, whole)))).unrouted) {
        expect(readDelivery(Buffer.from(part.body)).unrouted).toEqual([part]);
        expect(part.kind).toMatch(/^(message|status|field|value):[a-z_0-9]+$|^user_preferences$|^unknown$/);
      }
    });
    fc.assert(property, { numRuns: RUNS.numRuns / 10 });
  });

  it('reads the STOP whatever happens to the other entries', () => {
    const stop = (parseJson(readFileSync(new URL('stop.json', GOLDEN))) as { entry: Json[] }).entry;
    const property = fc.property(fc.array(mutation, { maxLength: 12 }), (mutations) => {
      const others = mutations.reduce(mutated, (whole as { entry: Json[] }).entry) as Json[];
      const { facts } = readDelivery(Buffer.from(JSON.stringify({ entry: [...[others].flat(), ...stop] })));
      expect(facts.at(-1)).toMatchObject({ messageId: 'wamid.golden02', optOut: { categories: ['*'] } });
    });
    fc.assert(property, RUNS);
  });
});

describe('readDelivery of bytes', () => {
  it('never throws, and never loses a body without a trace', () => {
    const cut = fc.record({
      payload: fc.constantFrom(...PAYLOADS),
      at: fc.nat(2_000),
      bytes: fc.uint8Array({ maxLength: 4 }),
    });
    const property = fc.property(cut, ({ payload, at, bytes }) => {
      const broken = Buffer.concat([payload.subarray(0, at), bytes, payload.subarray(at + bytes.length)]);
      const { facts, unrouted, ignored } = readDelivery(broken);
      expect(facts.length + unrouted.length + Object.keys(ignored).length).toBeGreaterThan(0);
    });
    fc.assert(property, RUNS);
  });

  it('reads anything at all', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), fc.json()), (body) => {
        readDelivery(Buffer.from(body));
      }),
      RUNS,
    );
  });

  it('keeps no more than a few times what was delivered, however many messages share their contacts', () => {
    const contacts = Array.from({ length: 1_000 }, (_, n) => ({
      wa_id: `1650555${n}`,
      profile: { name: 'x'.repeat(500) },
    }));
    const messages = contacts.map(({ wa_id: from }, n) => ({ from, id: `wamid.${n}`, type: 'image', image: { n } }));
    const value = { metadata: { phone_number_id: '1', display_phone_number: '1'.repeat(100_000) }, contacts, messages };
    const body = Buffer.from(JSON.stringify({ entry: [{ changes: [{ value, field: 'messages' }] }] }));
    const { unrouted } = readDelivery(body);
    expect(unrouted).toHaveLength(1_000);
    expect(unrouted.reduce((sum, part) => sum + part.body.length, 0)).toBeLessThan(body.length);
  });
});
