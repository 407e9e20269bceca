import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  IsArray,
  IsDefined,
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  Max,
  Min,
  ValidateNested,
} from 'class-validator';
import { IsBusinessId, IsClaimedTime, IsCleanText, IsFlatStrings } from './dto-rules.js';
import { buildOpenApi, type RouteDoc } from './openapi.js';

class PersonDto {
  @IsOptional()
  @IsCleanText({ max: 64 })
  phone?: string;
}

class GrantDto {
  @IsDefined()
  @IsObject()
  @ValidateNested()
  @Type(() => PersonDto)
  recipient!: PersonDto;

  @IsOptional()
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => PersonDto)
  others?: PersonDto[];

  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(200)
  @IsBusinessId({ each: true })
  purposes!: string[];

  @IsArray()
  @IsIn(['marketing', 'utility'], { each: true })
  categories!: string[];

  @IsInt()
  @Min(1)
  @Max(9)
  version!: number;

  @IsOptional()
  @IsClaimedTime()
  occurredAt?: string;

  @IsOptional()
  @IsFlatStrings({ maxFields: 50, maxLength: 100 })
  evidence?: Record<string, string>;
}

class NarrowGrantDto extends GrantDto {
  @IsIn(['api'])
  method!: string;
}

const decision = { type: 'object', properties: { eligible: { type: 'boolean' } }, required: ['eligible'] };

const ROUTES: RouteDoc[] = [
  {
    method: 'post',
    path: '/v1/businesses/:businessId/grants',
    operationId: 'grant',
    summary: 'Records a grant.',
    tag: 'consent',
    scope: 'consent:write',
    headers: { 'Idempotency-Key': { type: 'string', maxLength: 255 } },
    body: GrantDto,
    responses: {
      201: { description: 'Recorded.' },
      200: { description: 'Recorded before.', headers: { 'Idempotent-Replayed': '`true`' } },
    },
    problems: ['BUSINESS_NOT_FOUND', 'PURPOSE_NOT_FOUND', 'OCCURRED_IN_FUTURE'],
  },
  {
    method: 'put',
    path: '/v1/narrow',
    operationId: 'narrow',
    summary: 'The same by a class that extends it.',
    tag: 'consent',
    scope: 'admin',
    body: NarrowGrantDto,
    responses: { 200: { description: 'Done.', schema: PersonDto } },
  },
  {
    method: 'get',
    path: '/v1/businesses/{businessId}/recipients/{recipientId}/eligibility',
    operationId: 'check',
    summary: 'May this business message this person?',
    tag: 'eligibility',
    scope: 'eligibility:read',
    params: { recipientId: { type: 'string', pattern: '^[A-Za-z0-9_-]{43}$' } },
    query: {
      type: 'object',
      properties: { channel: { type: 'string' }, sender: { type: 'string' } },
      required: ['channel'],
    },
    responses: { 200: { description: 'The decision.', schema: decision } },
  },
  {
    method: 'get',
    path: '/health/live',
    operationId: 'live',
    summary: 'Is the process up?',
    tag: 'health',
    responses: { 200: { description: 'It is.' } },
  },
];

/** The parts of a document that the checks below look into. */
interface Operation {
  operationId?: string;
  summary?: string;
  description?: string;
  security?: unknown[];
  parameters?: { name: string; in: string; required?: boolean; schema?: object }[];
  requestBody?: unknown;
  responses?: Record<string, { description?: string; content?: Record<string, unknown> }>;
}
interface Document {
  openapi: string;
  info: { title: string; version: string };
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Record<string, unknown>>; securitySchemes: object };
}

const document = JSON.parse(JSON.stringify(buildOpenApi(ROUTES, { version: '0.1.0' }))) as Document;
const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.values(item).map((operation) => ({ path, operation })),
);

/** Every object inside a value, itself included. */
function* objectsIn(value: unknown): Generator<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value)) yield value as Record<string, unknown>;
  for (const child of Object.values(value)) yield* objectsIn(child);
}

describe('buildOpenApi against the rules of OpenAPI 3.1', () => {
  it('has the fixed fields', () => {
    expect(document.openapi).toMatch(/^3\.1\.\d+$/);
    expect(document.info).toMatchObject({ title: 'Consent Ledger', version: '0.1.0' });
    expect(Object.keys(document.paths).every((path) => path.startsWith('/') && !path.includes(':'))).toBe(true);
  });

  it('resolves every reference', () => {
    const refs = [...objectsIn(document)].flatMap(({ $ref }) => (typeof $ref === 'string' ? [$ref] : []));
    expect(refs.length).toBeGreaterThan(5);
    for (const ref of refs) {
      const [, ...segments] = ref.split('/');
      expect(
        segments.reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], document),
      ).toBeDefined();
    }
  });

  it('has for every operation a unique id, a summary, described responses and the problem', () => {
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ROUTES.length);
    for (const { operation } of operations) {
      expect(operation.summary).toBeTruthy();
      for (const [status, response] of Object.entries(operation.responses ?? {})) {
        expect(status).toMatch(/^[1-5]\d\d$/);
        expect(response.description).toBeTruthy();
      }
      expect(operation.responses?.['500']?.content).toHaveProperty(['application/problem+json']);
    }
  });

  it('declares each parameter of a path, as required, and none twice', () => {
    for (const { path, operation } of operations) {
      const parameters = operation.parameters ?? [];
      const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
      const inPath = parameters.filter((parameter) => parameter.in === 'path');
      expect(inPath.map(({ name }) => name)).toEqual(named);
      expect(inPath.every(({ required, schema }) => required === true && schema !== undefined)).toBe(true);
      expect(new Set(parameters.map((parameter) => `${parameter.in} ${parameter.name}`)).size).toBe(parameters.length);
    }
  });

  it('uses no word of OpenAPI 3.0 that 3.1 dropped, and only types of JSON Schema', () => {
    const types = ['string', 'number', 'integer', 'boolean', 'object', 'array', 'null'];
    for (const schema of objectsIn(document.components.schemas)) {
      expect(schema).not.toHaveProperty('nullable');
      if (typeof schema.type === 'string') expect(types).toContain(schema.type);
      if (typeof schema.pattern === 'string') expect(() => new RegExp(schema.pattern as string, 'u')).not.toThrow();
    }
  });

  it('wants a key where a scope is needed, and only there', () => {
    const security = new Map(operations.map(({ operation }) => [operation.operationId, operation.security]));
    expect(Object.fromEntries(security)).toEqual({
      grant: [{ key: [] }],
      narrow: [{ key: [] }],
      check: [{ key: [] }],
      live: [],
    });
    const check = operations.find(({ operation }) => operation.operationId === 'check')?.operation;
    expect(check?.description).toBe('Needs scope `eligibility:read`.');
    expect(Object.keys(check?.responses ?? {})).toEqual(['200', '400', '401', '403', '500', '503']);
  });
});

describe('schemas made of DTO classes', () => {
  it('say what the decorators check', () => {
    expect(document.components.schemas.GrantDto).toEqual({
      type: 'object',
      properties: {
        recipient: { type: 'object', $ref: '#/components/schemas/PersonDto' },
        others: { type: 'array', items: { $ref: '#/components/schemas/PersonDto' } },
        purposes: {
          type: 'array',
          minItems: 1,
          maxItems: 200,
          items: { type: 'string', pattern: '^[a-z0-9][a-z0-9_-]{0,62}$' },
        },
        categories: { type: 'array', items: { type: 'string', enum: ['marketing', 'utility'] } },
        version: { type: 'integer', minimum: 1, maximum: 9 },
        occurredAt: { type: 'string', anyOf: [{ format: 'date-time' }, { format: 'date' }] },
        evidence: {
          type: 'object',
          maxProperties: 50,
          propertyNames: { pattern: '^[A-Za-z][A-Za-z0-9_.-]{0,63}$' },
          additionalProperties: { type: 'string', maxLength: 100 },
        },
      },
      required: ['recipient', 'purposes', 'categories', 'version'],
      additionalProperties: false,
    });
  });

  it('carry over what a superclass declares', () => {
    const { properties, required } = document.components.schemas.NarrowGrantDto as {
      properties: object;
      required: string[];
    };
    expect(Object.keys(properties)).toEqual(expect.arrayContaining(['method', 'recipient', 'purposes']));
    expect(properties).toHaveProperty('purposes.items.pattern');
    expect(required).toContain('method');
  });

  it('cannot share a name', () => {
    const other = { PersonDto: class PersonDto {} }.PersonDto;
    const route = { ...ROUTES[1], operationId: 'other', path: '/v1/other', body: other } as RouteDoc;
    expect(() => buildOpenApi([...ROUTES, route], { version: '0' })).toThrow(
      'Two classes of the API are called PersonDto.',
    );
  });
});
