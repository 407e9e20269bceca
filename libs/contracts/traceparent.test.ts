import { describe, expect, it } from '@jest/globals';
import { readTraceparent, traceparentOf } from './traceparent.js';

const GIVEN = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const CORRELATION = 'd3225feb-efa8-481c-bc30-b57185dbc79c';
const EVENT = '07fe7785-2676-8322-8452-68b0f1f0105e';

describe('a traceparent', () => {
  it('is handed on as it came', () => {
    expect(readTraceparent(GIVEN)).toBe(GIVEN);
    expect(traceparentOf({ traceparent: GIVEN, $correlationId: CORRELATION }, EVENT)).toBe(GIVEN);
  });

  it.each([
    ['none', undefined],
    ['several', [GIVEN, GIVEN]],
    ['another version', GIVEN.replace(/^00/, '01')],
    ['the version that there never is', GIVEN.replace(/^00/, 'ff')],
    ['capitals', GIVEN.toUpperCase()],
    ['a trace of zeros', `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`],
    ['a span of zeros', `00-4bf92f3577b34da6a3ce929d0e0e4736-${'0'.repeat(16)}-01`],
    ['more behind it', `${GIVEN}-393331234567`],
    ['a line more', `${GIVEN}\n`],
    ['a number', '+393331234567'],
  ])('is nothing where there is %s', (_what, text) => {
    expect(readTraceparent(text)).toBeUndefined();
    expect(traceparentOf({ traceparent: text, $correlationId: CORRELATION }, EVENT)).toBe(
      '00-d3225febefa8481cbc30b57185dbc79c-07fe778526768322-00',
    );
  });

  it.each([
    ['no request', undefined, EVENT],
    ['a request of another form', 'request-1', EVENT],
    ['a request of zeros', '00000000-0000-0000-0000-000000000000', EVENT],
    ['an event of another form', CORRELATION, 'event-1'],
  ])('is not made up of %s', (_what, $correlationId, eventId) => {
    expect(traceparentOf({ $correlationId }, eventId)).toBeUndefined();
  });
});
