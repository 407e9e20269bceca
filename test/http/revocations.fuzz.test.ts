import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { grantBody, must, registerAcme } from '../support/client.js';
import { startTestService, type TestService } from '../support/service.js';
import { businessOf } from './support/acme.js';

/** fast-check prints the seed and the path of every failure; give them to `fc.assert` to see it again. */
const FULL = process.env.FAULTS === 'full';
const RUNS = { numRuns: FULL ? 2_000 : 100 };
const PATIENCE_MS = FULL ? 900_000 : 180_000;

const CHANNELS = ['whatsapp', 'sms', 'email', 'voice', 'rcs'];
const CATEGORIES = ['marketing', 'utility', 'authentication', 'service'];
const METHODS = ['keyword', 'button', 'one_click', 'block', 'api', 'phone_call', 'provider_preference'];
const PURPOSES = ['offers', 'news', 'receipts', 'later'];

/** Broken as well as sound values, so that what is understood meets what is not. */
const listOf = (words: readonly string[]) =>
  fc.oneof(
    fc.subarray([...words, '*']),
    fc.array(fc.oneof(fc.constantFrom(...words), fc.jsonValue({ maxDepth: 2 })), { maxLength: 4 }),
    fc.jsonValue({ maxDepth: 3 }),
  );

const optionalFields = fc.record(
  {
    channels: listOf(CHANNELS),
    purposes: listOf(PURPOSES),
    categories: listOf(CATEGORIES),
    method: fc.oneof(fc.constantFrom(...METHODS), fc.jsonValue({ maxDepth: 1 })),
    reason: fc.oneof(fc.string({ unit: 'binary' }), fc.jsonValue({ maxDepth: 1 })),
    occurredAt: fc.oneof(fc.constantFrom('2099-01-01', '2099-01-01T00:00:00Z', 'soon'), fc.jsonValue({ maxDepth: 1 })),
    other: fc.jsonValue(),
  },
  { requiredKeys: [] },
);

/** What the fields cover for certain: what a list names that can be read, or all of it where it cannot, or is absent. */
function covers(value: unknown, word: string, known: (item: unknown) => boolean): boolean {
  if (value === undefined || value === null || !Array.isArray(value) || value.length === 0) return true;
  return value.includes(word) || value.includes('*') || !value.every(known);
}

const isOf = (words: readonly string[]) => (item: unknown) => words.includes(item as string);
const isPurpose = (item: unknown) => typeof item === 'string' && /^[a-z0-9][a-z0-9_-]{0,62}$/.test(item);
const isAbsent = (value: unknown) =>
  value === undefined || value === null || (Array.isArray(value) && value.length === 0);

/** Whether the revocation speaks of `offers`, which is marketing, on WhatsApp. Every method stops at least marketing. */
function coversOffers({ channels, purposes, categories }: Readonly<Record<string, unknown>>): boolean {
  const onChannel = covers(channels, 'whatsapp', isOf(CHANNELS));
  const named = !isAbsent(purposes) && covers(purposes, 'offers', isPurpose);
  const ofCategory = !isAbsent(categories) && covers(categories, 'marketing', isOf(CATEGORIES));
  return onChannel && (named || ofCategory || (isAbsent(purposes) && isAbsent(categories)));
}

describe('whatever stands in the optional fields of a revocation', () => {
  let service: TestService;
  let people = 0;

  beforeAll(async () => {
    service = await startTestService();
    await registerAcme(service);
  });
  afterAll(() => service.stop());

  it(
    'it is recorded, and afterwards the person is not eligible for what it covers',
    async () => {
      const acme = businessOf(service);
      let covered = 0;
      const property = fc.asyncProperty(optionalFields, async (fields) => {
        const recipient = { phone: `+39333${String(4_000_000 + people++)}` };
        await must(acme.grant(grantBody(recipient.phone)));
        const answer = await acme.revoke({ ...fields, recipient });
        expect(answer.status).toBe(201);
        const decision = await acme.check(recipient, 'offers');
        if (!coversOffers(fields)) return;
        covered++;
        expect(decision).toMatchObject({ eligible: false });
      });
      await fc.assert(property, RUNS);
      expect(covered).toBeGreaterThan(RUNS.numRuns / 4);
    },
    PATIENCE_MS,
  );
});
