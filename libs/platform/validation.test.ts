import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { Type } from 'class-transformer';
import { ArrayMaxSize, IsArray, IsIn, IsInt, IsObject, IsOptional, Min, ValidateNested } from 'class-validator';
import fc from 'fast-check';
import { IsBusinessId, IsClaimedTime, IsCleanText, IsFlatScalars, IsFlatStrings } from './dto-rules.js';
import { Refusal } from './errors.js';
import { validated, ValidationPipe } from './validation.js';

class Person {
  @IsOptional()
  @IsCleanText({ max: 16 })
  phone?: string;
}

class Version {
  @IsBusinessId()
  id!: string;

  @IsInt()
  @Min(1)
  version!: number;
}

class Form {
  @IsObject()
  @ValidateNested()
  @Type(() => Person)
  person!: Person;

  @IsOptional()
  @IsArray()
  @ArrayMaxSize(2)
  @ValidateNested({ each: true })
  @Type(() => Person)
  others?: Person[];

  @IsOptional()
  @IsBusinessId({ each: true })
  @IsArray()
  purposes?: string[];

  @IsOptional()
  @IsIn(['web_form', 'api'])
  method?: string;

  @IsOptional()
  @IsInt()
  @Min(1)
  version?: number;

  @IsOptional()
  @ValidateNested()
  @Type(() => Version)
  disclosure?: Version;

  @IsOptional()
  @IsClaimedTime()
  occurredAt?: string;

  @IsOptional()
  @IsClaimedTime({ instantOnly: true })
  expiresAt?: string;

  @IsOptional()
  @IsFlatStrings({ maxFields: 2, maxLength: 5 })
  evidence?: Record<string, string>;

  @IsOptional()
  @IsFlatScalars({ maxFields: 2, maxLength: 5 })
  policy?: Record<string, string | number | boolean>;
}

function faultsOf(body: unknown): string[] {
  try {
    validated(Form, body);
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    expect(error.code).toBe('VALIDATION_FAILED');
    return (error.more.errors ?? []).map(({ field, code }) => `${field} ${code}`);
  }
  return [];
}

const person = { phone: '+391' };

describe('validated', () => {
  it('makes an instance of the class', () => {
    const form = validated(Form, { person, purposes: ['offers'] });
    expect(form).toBeInstanceOf(Form);
    expect(form.person).toBeInstanceOf(Person);
    expect(form).toEqual(expect.objectContaining({ person, purposes: ['offers'] }));
  });

  it.each([[null], [undefined], [[]], [[{}]], ['text'], [7], [true]])(
    'refuses a body that is no object: %j',
    (body) => {
      expect(faultsOf(body)).toEqual(['body IS_OBJECT']);
    },
  );

  it.each<[object, string]>([
    [{ person: 'x' }, 'person IS_OBJECT'],
    [{ person: [] }, 'person IS_OBJECT'],
    [{ person: null }, 'person IS_OBJECT'],
    [{ person: { phone: 7 } }, 'person.phone IS_CLEAN_TEXT'],
    [{ person: { phone: 'a\u0000' } }, 'person.phone IS_CLEAN_TEXT'],
    [{ person: { phone: '' } }, 'person.phone IS_CLEAN_TEXT'],
    [{ person: { phone: ' \n\u3000' } }, 'person.phone IS_CLEAN_TEXT'],
    [{ person: { phone: '\ud800' } }, 'person.phone IS_CLEAN_TEXT'],
    [{ person: { mail: 'x' } }, 'person.mail UNKNOWN_FIELD'],
    [{ person, others: [{}, { phone: false }] }, 'others[1].phone IS_CLEAN_TEXT'],
    [{ person, others: [{}, 'x'] }, 'others[1] IS_OBJECT'],
    [{ person, others: [{}, {}, {}] }, 'others ARRAY_MAX_SIZE'],
    [{ person, others: {} }, 'others IS_ARRAY'],
    [{ person, purposes: ['ok', 'Not Ok'] }, 'purposes IS_BUSINESS_ID'],
    [{ person, method: 'x' }, 'method IS_IN'],
    [{ person, version: 1.5 }, 'version IS_INT'],
    [{ person, version: '1' }, 'version IS_INT'],
    [{ person, occurredAt: 'yesterday' }, 'occurredAt IS_CLAIMED_TIME'],
    [{ person, expiresAt: '2026-03-01' }, 'expiresAt IS_CLAIMED_TIME'],
    [{ person, evidence: { a: { b: 'c' } } }, 'evidence IS_FLAT_STRINGS'],
    [{ person, evidence: { a: 1 } }, 'evidence IS_FLAT_STRINGS'],
    [{ person, evidence: { a: '123456' } }, 'evidence IS_FLAT_STRINGS'],
    [{ person, evidence: { a: '', b: '', c: '' } }, 'evidence IS_FLAT_STRINGS'],
    [{ person, evidence: { '+393331234567': '' } }, 'evidence IS_FLAT_STRINGS'],
    [{ person, evidence: ['a'] }, 'evidence IS_FLAT_STRINGS'],
    [{ person, policy: { a: null } }, 'policy IS_FLAT_SCALARS'],
    [{ person, policy: { a: [] } }, 'policy IS_FLAT_SCALARS'],
    [{ person, '+393331234567': 1 }, '* UNKNOWN_FIELD'],
  ])('refuses %j as %s', (body, fault) => expect(faultsOf(body)).toContain(fault));

  it.each<[object, string[]]>([
    [{}, ['person REQUIRED']],
    [{ person, disclosure: {} }, ['disclosure.id REQUIRED', 'disclosure.version REQUIRED']],
  ])('says of %j only that a field is missing', (body, faults) => expect(faultsOf(body)).toEqual(faults));

  it('lists the values of which it must be one', () => {
    expect(() => validated(Form, { person, method: 'x' })).toThrow(
      expect.objectContaining({
        more: { errors: [{ field: 'method', code: 'IS_IN', message: 'Must be one of: web_form, api.' }] },
      }),
    );
  });

  it.each([
    '2026-03-01',
    '2024-02-29',
    '2026-03-01T10:00Z',
    '2026-03-01T10:00:00.123+02:00',
    '2026-03-01T10:00:00.123456789Z',
  ])('takes %s for a time', (occurredAt) => expect(faultsOf({ person, occurredAt })).toEqual([]));

  it.each([
    '2026-02-29',
    '2026-13-01',
    '2026-03-01T10:00:00',
    '2026-03-01T25:00Z',
    '2026-03-01T10:00:00+99:00',
    '1969-12-31',
    ' 2026-03-01',
    '20260301',
    '2026-03-01T10:00:00Z\n',
  ])('does not take %j for a time', (occurredAt) =>
    expect(faultsOf({ person, occurredAt })).toEqual(['occurredAt IS_CLAIMED_TIME']),
  );

  it('takes line breaks and every alphabet in texts', () => {
    expect(
      faultsOf({ person: { phone: 'π\n\té😀' }, evidence: { a: '', 'b.c-d_e': 'x' }, policy: { a: 1, b: true } }),
    ).toEqual([]);
  });

  it('never repeats a value', () => {
    const secret = 'hunter2';
    const body = {
      person: { phone: secret.repeat(9) },
      method: secret,
      purposes: [`${secret}!`],
      occurredAt: secret,
      evidence: { [`${secret} `]: secret },
      version: secret,
    };
    try {
      validated(Form, body);
    } catch (error) {
      expect(JSON.stringify((error as Refusal).more)).not.toContain(secret);
    }
    expect(faultsOf(body).length).toBeGreaterThanOrEqual(6);
  });

  it('refuses or accepts whatever it is given, and never breaks (fast-check prints its seed on failure)', () => {
    const fields = fc.dictionary(
      fc.constantFrom('person', 'others', 'purposes', 'method', 'version', 'occurredAt', 'evidence', 'policy', 'x'),
      fc.jsonValue(),
    );
    fc.assert(
      fc.property(fc.oneof(fields, fc.jsonValue()), (body) => void faultsOf(body)),
      { numRuns: 1000 },
    );
  });
});

describe('ValidationPipe', () => {
  it('checks bodies that have a class, and leaves everything else alone', () => {
    const pipe = new ValidationPipe();
    expect(() => pipe.transform({}, { type: 'body', metatype: Form })).toThrow(Refusal);
    expect(pipe.transform('x', { type: 'param', metatype: Form })).toBe('x');
    expect(pipe.transform('x', { type: 'body', metatype: Object })).toBe('x');
    expect(pipe.transform('x', { type: 'body' })).toBe('x');
  });
});
