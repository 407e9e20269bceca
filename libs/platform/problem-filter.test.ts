import 'reflect-metadata';
import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Body, Controller, Get, Module, Post } from '@nestjs/common';
import { APP_FILTER, APP_PIPE, NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication, RouteSchema } from '@nestjs/platform-fastify';
import { IsCleanText } from './dto-rules.js';
import type { Log } from './log.js';
import { ProblemFilter, problemServerOptions } from './problem-filter.js';
import { ValidationPipe } from './validation.js';

const lines: unknown[] = [];
const note = (fields: unknown, message: string) => void lines.push([fields, message]);
const log: Log = { debug: note, info: note, warn: note, error: note, fatal: note };

class ThingDto {
  @IsCleanText({ max: 5 })
  name!: string;
}

const SCHEMA = {
  body: { type: 'object', required: ['checks'], properties: { checks: { type: 'array', items: { type: 'string' } } } },
};

@Controller()
class Things {
  @Post('/things')
  make(@Body() thing: ThingDto): { made: string } {
    return { made: thing.name };
  }

  @Post('/checks')
  @RouteSchema(SCHEMA)
  check(@Body() _body: object): object {
    return {};
  }

  @Get('/broken')
  broken(): never {
    throw new Error('a detail of ours');
  }
}

@Module({
  controllers: [Things],
  providers: [
    { provide: APP_FILTER, useValue: new ProblemFilter(log) },
    { provide: APP_PIPE, useValue: new ValidationPipe() },
  ],
})
class ThingsModule {}

let app: NestFastifyApplication;
let url: string;

beforeAll(async () => {
  // Fastify would turn 7 into '7', and a check must be what it says.
  const ajv = { customOptions: { coerceTypes: false as const } };
  const requests = { bodyLimit: 100, requestIdHeader: 'x-request-id' };
  const adapter = new FastifyAdapter({ skipMiddie: true, ...requests, ajv, ...problemServerOptions(log) });
  app = await NestFactory.create<NestFastifyApplication>(ThingsModule, adapter, { logger: false });
  await app.listen(0, '127.0.0.1');
  url = (await app.getUrl()).replace('[::1]', '127.0.0.1');
});

afterAll(() => app.close());

beforeEach(() => void lines.splice(0));

async function post(path: string, body: string, type = 'application/json'): Promise<unknown> {
  const response = await fetch(url + path, { method: 'POST', body, headers: { 'content-type': type } });
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  const problem = (await response.json()) as { status: number; instance: string };
  expect(problem.status).toBe(response.status);
  expect(problem.instance).toMatch(/^urn:request:.+/);
  return problem;
}

describe('problems of a real Nest application', () => {
  it('is the socket as it always was for what is right', async () => {
    const body = JSON.stringify({ name: 'thing' });
    const response = await fetch(`${url}/things`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'application/json' },
    });
    expect([response.status, await response.json()]).toEqual([201, { made: 'thing' }]);
  });

  it('answers pipes, schemas, parsers, routers and handlers alike', async () => {
    expect(await post('/things', '{"name":7,"x":1}')).toMatchObject({
      code: 'VALIDATION_FAILED',
      errors: [
        { field: 'x', code: 'UNKNOWN_FIELD' },
        { field: 'name', code: 'IS_CLEAN_TEXT' },
      ],
    });
    expect(await post('/checks', '{"checks":["a",7]}')).toMatchObject({
      errors: [{ field: 'checks[1]', code: 'IS_STRING' }],
    });
    expect(await post('/checks', '{}')).toMatchObject({ errors: [{ field: 'checks', code: 'REQUIRED' }] });
    expect(await post('/things', 'nope')).toMatchObject({ code: 'VALIDATION_FAILED' });
    expect(await post('/things', 'x'.repeat(200))).toMatchObject({ code: 'BODY_TOO_LARGE' });
    expect(await post('/things', '<x/>', 'text/xml')).toMatchObject({ code: 'UNSUPPORTED_MEDIA_TYPE' });
    expect(await post('/nowhere', '{}')).toMatchObject({ code: 'NOT_FOUND' });
    expect(await post('/%c3%28', '{}')).toMatchObject({ code: 'VALIDATION_FAILED' });
    expect(lines).toEqual([]);
  });

  it('logs what is ours to mend, and tells the caller only that it happened', async () => {
    const headers = { 'x-request-id': 'r-1' };
    const problem: unknown = await (await fetch(`${url}/broken?phone=%2B393331234567`, { headers })).json();
    expect(problem).toMatchObject({ code: 'INTERNAL', status: 500, instance: 'urn:request:r-1' });
    expect(JSON.stringify(problem)).not.toContain('a detail of ours');
    expect(lines).toEqual([
      [{ err: expect.any(Error), requestId: 'r-1', method: 'GET', route: '/broken' }, 'a request failed'],
    ]);
  });

  it('answers what is not HTTP, and hangs up', async () => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.end('this is not HTTP\r\n\r\n');
    const chunks: Buffer[] = [];
    for await (const chunk of socket) chunks.push(chunk as Buffer);
    const answer = Buffer.concat(chunks).toString();
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))).toMatchObject({
      code: 'VALIDATION_FAILED',
      status: 400,
    });
  });
});
