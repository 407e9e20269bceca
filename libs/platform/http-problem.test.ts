import { describe, expect, it } from '@jest/globals';
import { BadRequestException, HttpException, InternalServerErrorException, NotFoundException } from '@nestjs/common';
import fc from 'fast-check';
import { ERRORS, type ErrorCode, Refusal } from './errors.js';
import { instanceOf, toProblem } from './http-problem.js';

const SECRET = '+393331234567';
const INSTANCE = 'urn:request:1';

function fastifyError(code: string, statusCode: number): Error {
  return Object.assign(new Error(`${code}: ${SECRET}`), { name: 'FastifyError', code, statusCode });
}

function schemaError(validation: unknown, validationContext = 'body'): Error {
  return Object.assign(new Error(SECRET), {
    code: 'FST_ERR_VALIDATION',
    statusCode: 400,
    validation,
    validationContext,
  });
}

describe('toProblem', () => {
  it.each(Object.keys(ERRORS) as ErrorCode[])('answers a refusal %s with its status and title', (code) => {
    const { problem, status, headers } = toProblem(new Refusal(code, 'Do otherwise.'), INSTANCE);
    expect(status).toBe(ERRORS[code].http);
    expect(problem).toMatchObject({
      code,
      status,
      title: ERRORS[code].title,
      detail: 'Do otherwise.',
      instance: INSTANCE,
    });
    expect(headers).toMatchObject({ 'content-type': 'application/problem+json', 'cache-control': 'no-store' });
  });

  it('passes the fields on, and when to try again in whole seconds', () => {
    const errors = [{ field: 'a', code: 'REQUIRED', message: 'This field is required.' }];
    expect(toProblem(new Refusal('VALIDATION_FAILED', '', { errors }), INSTANCE).problem.errors).toEqual(errors);
    const retryAfter = (retryAfterMs: number) =>
      toProblem(new Refusal('OVERLOADED', '', { retryAfterMs }), INSTANCE).headers['retry-after'];
    expect([0, 1, 1000, 1001].map(retryAfter)).toEqual(['1', '1', '1', '2']);
    expect(retryAfter(Number.NaN)).toBeUndefined();
  });

  it.each<[string, number, ErrorCode]>([
    ['FST_ERR_CTP_BODY_TOO_LARGE', 413, 'BODY_TOO_LARGE'],
    ['FST_ERR_CTP_INVALID_MEDIA_TYPE', 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['FST_ERR_CTP_EMPTY_JSON_BODY', 400, 'VALIDATION_FAILED'],
    ['FST_ERR_BAD_URL', 400, 'VALIDATION_FAILED'],
    ['FST_ERR_SOMETHING_NEW', 414, 'VALIDATION_FAILED'],
    ['FST_ERR_SOMETHING_NEW', 503, 'INTERNAL'],
    ['ERR_FROM_ELSEWHERE', 404, 'INTERNAL'],
  ])('answers Fastify’s %s (%i) as %s, also wrapped by Nest', (code, status, expected) => {
    const error = fastifyError(code, status);
    expect(toProblem(error, INSTANCE).problem.code).toBe(expected);
    expect(JSON.stringify(toProblem(error, INSTANCE))).not.toContain(SECRET);
    if (status < 500)
      expect(toProblem(new HttpException(SECRET, status, { cause: error }), INSTANCE).status).toBeLessThan(500);
  });

  it('answers Nest’s exceptions by their status alone', () => {
    expect(toProblem(new NotFoundException(`Cannot GET /v1/${SECRET}`), INSTANCE).problem).toMatchObject({
      code: 'NOT_FOUND',
      status: 404,
    });
    expect(toProblem(new BadRequestException(SECRET), INSTANCE).problem.code).toBe('VALIDATION_FAILED');
    expect(toProblem(new InternalServerErrorException(SECRET), INSTANCE)).toMatchObject({
      status: 500,
      internal: true,
    });
    expect(JSON.stringify(toProblem(new BadRequestException(SECRET), INSTANCE))).not.toContain(SECRET);
  });

  it('names the fields of a compiled schema’s findings and what is allowed, never the value', () => {
    const finding = (instancePath: string, keyword: string, params: object) => ({
      instancePath,
      keyword,
      params,
      message: SECRET,
    });
    const error = schemaError([
      finding('/checks/3/recipient/phone', 'type', { type: 'string' }),
      finding('/checks/0', 'required', { missingProperty: 'recipient' }),
      finding('', 'additionalProperties', { additionalProperty: SECRET }),
      finding('/channel', 'enum', { allowedValues: ['sms', 'email'] }),
      finding('/a~1b', 'maxLength', { limit: 5 }),
      finding('', 'minProperties', { limit: 1 }),
      finding('/odd', 'futureKeyword', {}),
    ]);
    expect(toProblem(error, INSTANCE).problem.errors).toEqual([
      { field: 'checks[3].recipient.phone', code: 'IS_STRING', message: 'Must be of type string.' },
      { field: 'checks[0].recipient', code: 'REQUIRED', message: 'This field is required.' },
      { field: '*', code: 'UNKNOWN_FIELD', message: 'There is no such field here.' },
      { field: 'channel', code: 'IS_IN', message: 'Must be one of: sms, email.' },
      { field: '*', code: 'MAX_LENGTH', message: 'Must have at most 5 characters.' },
      { field: 'body', code: 'MIN_FIELDS', message: 'Must have at least 1 fields.' },
      { field: 'odd', code: 'NOT_VALID', message: 'Is not valid.' },
    ]);
  });

  it('tells nothing of an error of ours', () => {
    const answer = toProblem(new TypeError(`cannot read ${SECRET}`), INSTANCE);
    expect(answer).toMatchObject({ status: 500, internal: true, problem: { code: 'INTERNAL' } });
    expect(JSON.stringify(answer)).not.toContain(SECRET);
  });

  it('never throws and always answers with a status of an error (fast-check prints its seed on failure)', () => {
    const errorLike = fc
      .tuple(
        fc.constantFrom('FST_ERR_VALIDATION', 'FST_ERR_CTP_BODY_TOO_LARGE', 'toString', '__proto__', 'X'),
        fc.anything(),
        fc.anything(),
      )
      .map(([code, statusCode, validation]) =>
        Object.assign(new Error('x'), { code, statusCode, validation, validationContext: validation }),
      );
    const wrapped = fc
      .tuple(fc.integer({ min: 0, max: 999 }), fc.anything())
      .map(([status, cause]) => new HttpException('x', status, { cause }));
    const findings = fc
      .array(fc.record({ instancePath: fc.anything(), keyword: fc.string(), params: fc.anything() }))
      .map((list) => schemaError(list));
    fc.assert(
      fc.property(fc.oneof(fc.anything(), errorLike, wrapped, findings), fc.string(), (error, id) => {
        const { problem, status, headers } = toProblem(error, instanceOf(id));
        expect(status).toBeGreaterThanOrEqual(400);
        expect(problem.status).toBe(status);
        expect(Object.values(headers).join('')).not.toMatch(/[\r\n]/);
        JSON.stringify(problem);
      }),
      { numRuns: 1000 },
    );
  });
});
