import { describe, expect, it } from '@jest/globals';
import { encoded, MalformedMessage } from '#protobuf';
import fc from 'fast-check';
import { encodeAnswers, encodeCheckResponse } from './answer-writer.js';
import { WATCH_REQUEST, WATCH_RESPONSE } from './change.js';
import { COMMAND_RESPONSE, GRANT_REQUEST, RECORD_MESSAGE_REQUEST, REVOKE_REQUEST } from './consent.js';
import { DECISION, RECIPIENT, type Decision } from './decision.js';
import * as eligibility from './eligibility.js';
import type { MessageType } from './message-type.js';
import { meaning, messagesOf, oracleBytes, oracleOf, oracleReading } from './oracle-contract.js';
import { decodeCheckBatchRequest, decodeCheckRequest } from './request-reader.js';

/** fast-check prints the seed of a failure. */
const TYPES: Readonly<Record<string, MessageType<object>>> = {
  CheckRequest: eligibility.CHECK_REQUEST,
  CheckResponse: eligibility.CHECK_RESPONSE,
  CheckBatchRequest: eligibility.CHECK_BATCH_REQUEST,
  CheckBatchResponse: eligibility.CHECK_BATCH_RESPONSE,
  FilterRequest: eligibility.FILTER_REQUEST,
  FilterResponse: eligibility.FILTER_RESPONSE,
  GrantRequest: GRANT_REQUEST,
  GrantResponse: COMMAND_RESPONSE,
  RevokeRequest: REVOKE_REQUEST,
  RevokeResponse: COMMAND_RESPONSE,
  RecordMessageRequest: RECORD_MESSAGE_REQUEST,
  RecordMessageResponse: COMMAND_RESPONSE,
  WatchRequest: WATCH_REQUEST,
  WatchResponse: WATCH_RESPONSE,
};

const unknownFields = fc.tuple(fc.nat(), fc.string(), fc.uint8Array({ maxLength: 20 })).map(([n, text, data]) =>
  encoded((writer) =>
    writer
      .uint(900, n)
      .string(901, text)
      .fields(Buffer.from([0x95, 0x38, 1, 2, 3, 4]))
      .data(1_000, data),
  ),
);

describe.each(Object.entries(TYPES))('%s', (name, type) => {
  const oracle = oracleOf(name);

  it('is written so that protobufjs reads it by the .proto', () => {
    const property = fc.property(messagesOf(oracle), (message) => {
      expect(meaning(oracleReading(oracle, type.encode(message)))).toEqual(meaning(message));
    });
    fc.assert(property);
  });

  it('is read as protobufjs writes it, whatever unknown fields stand beside', () => {
    const property = fc.property(messagesOf(oracle), unknownFields, (message, more) => {
      const bytes = Buffer.concat([more, oracleBytes(oracle, message), more]);
      expect(meaning(type.decode(bytes))).toEqual(meaning(message));
    });
    fc.assert(property);
  });

  it('has every field of the .proto and no other', () => {
    const numbers = Object.entries(type.fields as Record<string, { number: number }>).map(([field, { number }]) => [
      field,
      number,
    ]);
    expect(numbers).toEqual(oracle.fieldsArray.map((field) => [field.name, field.id]));
  });
});

const wholeBatch = (bytes: Buffer) => decodeCheckBatchRequest(bytes, Infinity);

describe('the writers and readers of the hot messages', () => {
  const decisions = messagesOf(oracleOf('Decision')).map((decision) =>
    DECISION.decode(DECISION.encode(decision as never)),
  );
  // As the rules have it: what is said is made of the reason and the topic.
  const withBasis = decisions.map((decision): Decision => {
    const { basis } = decision;
    return basis
      ? { ...decision, basis: { ...basis, occurredAt: at(basis.occurredAt), recordedAt: at(basis.recordedAt) } }
      : decision;
  });
  const whole = withBasis.map((decision): Decision => ({ ...decision, decidedAt: at(decision.decidedAt) }));

  it('writes a decision as the plain writer does', () => {
    const property = fc.property(fc.array(whole, { maxLength: 5 }), (many) => {
      for (const decision of many) {
        const read = eligibility.CHECK_RESPONSE.decode(encodeCheckResponse(decision));
        expect(meaning(read)).toEqual(meaning({ decision }));
      }
    });
    fc.assert(property);
  });

  it('writes decisions and problems in the order given', () => {
    const results = messagesOf(oracleOf('CheckResult')).filter((result) => result.decision === undefined);
    const property = fc.property(
      fc.string(),
      fc.array(
        fc.oneof(
          results,
          whole.map((decision) => ({ decision })),
        ),
        { maxLength: 5 },
      ),
      (position, many) => {
        const read = eligibility.CHECK_BATCH_RESPONSE.decode(encodeAnswers(position, many));
        expect(meaning(read)).toEqual(meaning({ position, results: many }));
      },
    );
    fc.assert(property);
  });

  it('reads requests as the plain reader does', () => {
    const hot = {
      CheckRequest: decodeCheckRequest,
      CheckBatchRequest: wholeBatch,
      FilterRequest: wholeBatch,
    };
    for (const [name, decode] of Object.entries(hot)) {
      const oracle = oracleOf(name);
      const property = fc.property(messagesOf(oracle), unknownFields, (message, more) => {
        const bytes = Buffer.concat([oracleBytes(oracle, message), more]);
        expect(decode(bytes)).toEqual(TYPES[name]?.decode(bytes));
      });
      fc.assert(property);
    }
  });

  it('refuses any other bytes, or reads them, and never does anything else', () => {
    const decoders = [decodeCheckRequest, wholeBatch, ...Object.values(TYPES).map((type) => type.decode.bind(type))];
    const property = fc.property(fc.constantFrom(...decoders), fc.uint8Array({ maxLength: 100 }), (decode, noise) => {
      try {
        expect(decode(Buffer.from(noise))).toBeDefined();
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedMessage);
      }
    });
    fc.assert(property, { numRuns: 2_000 });
  });

  it('takes no text that is not UTF-8, and takes a replacement character that was sent as such', () => {
    const latin1 = encoded((writer) => writer.data(1, Buffer.from('caf\u00e9', 'latin1')));
    expect(() => RECIPIENT.decode(latin1)).toThrow(MalformedMessage);
    expect(() => decodeCheckRequest(latin1)).toThrow(MalformedMessage);
    expect(RECIPIENT.decode(encoded((writer) => writer.string(1, '\uFFFD')))).toEqual({ phone: '\uFFFD' });
  });
});

it('counts the checks of a batch that is too large, and does not read them', () => {
  const check = encoded((writer) => writer.string(2, 'a'));
  const noText = encoded((writer) => writer.data(2, Buffer.from([0xff])));
  const batch = encoded((writer) => [check, check, noText, noText].forEach((item) => writer.data(7, item)));
  expect(() => decodeCheckBatchRequest(batch, 3)).toThrow(MalformedMessage);
  expect(decodeCheckBatchRequest(batch, 2).checks).toEqual([{ ref: 'a' }, { ref: 'a' }, {}, {}]);
});

it('leaves nothing of a decision that could not be written in the next one', () => {
  const decision = decisionOf('REVOKED');
  const broken = { ...decisionOf('CONSENTED'), eligible: true, purpose: undefined as never };
  expect(() => encodeCheckResponse(broken)).toThrow();
  expect(eligibility.CHECK_RESPONSE.decode(encodeCheckResponse(decision))).toEqual({ decision });
});

function decisionOf(reason: string): Decision {
  const words = { reason, explanation: 'why', channel: 'whatsapp', purpose: 'offers', category: 'marketing' };
  const frame = { position: 'l.1', decidedAt: at(undefined), policyVersion: '1', rulesVersion: '1' };
  return { eligible: false, recipientId: 'r', ...words, ...frame };
}

describe('an instant', () => {
  const written = (expiresAt: string) =>
    GRANT_REQUEST.decode(GRANT_REQUEST.encode({ businessId: 'acme', expiresAt })).expiresAt;

  it.each([
    ['2026-05-04T12:00:00.000Z', '2026-05-04T12:00:00.000Z'],
    ['2026-05-04T14:00:00+02:00', '2026-05-04T12:00:00.000Z'],
    ['2026-05-04T12:00Z', '2026-05-04T12:00:00.000Z'],
    ['2026-05-04T12:00:00.123456Z', '2026-05-04T12:00:00.123Z'],
  ])('may be written with an offset and any decimals: %s', (given, sent) => {
    expect(written(given)).toBe(sent);
  });

  it.each([
    '2026-02-31T00:00:00.000Z',
    '2026-02-31T00:00:00+02:00',
    '2026-05-04',
    '2026-05-04T12:00:00',
    '1969-12-31T23:59:59.999Z',
    'tomorrow, or so at noonZ',
  ])('is not made of %s', (given) => {
    expect(() => written(given)).toThrow(RangeError);
  });
});

function at(instant: string | undefined): string {
  return instant ?? '1970-01-01T00:00:00.000Z';
}
