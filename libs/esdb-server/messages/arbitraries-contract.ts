import fc from 'fast-check';
import type { ServedEvent } from './read-response.js';
import type { Expectation } from './shared.js';

export const bytes = fc.uint8Array({ maxLength: 300 });
export const text = fc.string({ unit: 'grapheme', maxLength: 60 });
export const revision = fc.oneof(fc.nat(), fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }));
export const expectation = fc.oneof(revision, fc.constantFrom<Expectation>('none', 'any', 'exists'));

export const served: fc.Arbitrary<ServedEvent> = fc.record({
  id: fc.uuid(),
  type: text,
  data: bytes,
  metadata: bytes,
  stream: text,
  revision: revision.map(String),
  position: fc.option(
    revision.map((n) => `ledger.${n}`),
    { nil: undefined },
  ),
});
