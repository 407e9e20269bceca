import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { GRANT_METHODS, REASONS, type Basis } from '#consent';
import type { Problem } from '#platform';
import type { Decision } from '../queries/check-eligibility.js';
import { batchJson, decisionJson, type BatchResult } from './decision-json.js';

const plain = fc.stringMatching(/^[A-Za-z0-9_.:-]{1,48}$/);
const anyText = fc.string({ unit: 'binary', maxLength: 400 });

/** Fields in the order of the contract, as the handler sets them; those that are absent stand nowhere. */
const basis = fc.record(
  {
    eventId: fc.uuid(),
    type: plain,
    stream: anyText,
    revision: plain,
    occurredAt: plain,
    recordedAt: plain,
    method: fc.constantFrom(...GRANT_METHODS),
    disclosure: fc.record({ id: anyText, version: fc.nat() }),
  },
  { requiredKeys: ['eventId', 'type', 'stream', 'revision', 'occurredAt', 'recordedAt'] },
) as fc.Arbitrary<Basis>;

const decision = fc.record(
  {
    eligible: fc.boolean(),
    reason: fc.constantFrom(...REASONS),
    explanation: anyText,
    recipientId: plain,
    channel: fc.constant('whatsapp' as const),
    purpose: anyText,
    category: plain,
    position: plain,
    decidedAt: plain,
    policyVersion: plain,
    rulesVersion: plain,
    basis,
    validUntil: plain,
    windowOpenUntil: plain,
    retryAfterMs: fc.nat(),
  },
  {
    requiredKeys: [
      'eligible',
      'reason',
      'explanation',
      'recipientId',
      'channel',
      'purpose',
      'category',
      'position',
      'decidedAt',
      'policyVersion',
      'rulesVersion',
    ],
  },
) as fc.Arbitrary<Decision>;

const error = { code: 'ADDRESS_INVALID', title: 'Bad “address”', status: 400 } as unknown as Problem;
const result = fc.oneof(
  fc.record({ ref: fc.option(fc.json(), { nil: undefined }), decision }),
  fc.record({ ref: fc.option(anyText, { nil: undefined }), error: fc.constant(error) }),
) as fc.Arbitrary<BatchResult>;

describe('decisions as text', () => {
  it('are what JSON.stringify makes of them', () => {
    fc.assert(fc.property(decision, (one) => decisionJson(one) === JSON.stringify(one)));
  });

  it('stand in a batch in their order, with what came with them, however long they are', () => {
    fc.assert(
      fc.property(fc.array(result, { maxLength: 40 }), plain, (results, position) => {
        const objects = results.map(({ ref, ...one }) => ({ ref, ...('decision' in one ? one.decision : one) }));
        expect(batchJson(position, results).toString()).toBe(JSON.stringify({ position, results: objects }));
      }),
    );
  });

  it('leave out a position that is not known', () => {
    expect(batchJson(undefined, []).toString()).toBe('{"results":[]}');
  });
});
