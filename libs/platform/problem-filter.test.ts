import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fastify, { type FastifyInstance } from 'fastify';
import type { Log } from './log.js';
import { answerProblems, problemServerOptions } from './problem-filter.js';

const lines: unknown[] = [];
const note = (fields: unknown, message: string) => void lines.push([fields, message]);
const log: Log = { debug: note, info: note, warn: note, error: note, fatal: note };

let server: FastifyInstance;
let url: string;

beforeEach(async () => {
  lines.length = 0;
  server = fastify({ bodyLimit: 100, requestIdHeader: 'x-request-id', ...problemServerOptions(log) });
  answerProblems(server, log);
  const body = { type: 'object', required: ['name'], properties: { name: { type: 'string' } } };
  server.post('/things', { schema: { body, response: { 200: { type: 'object' } } } }, async () => ({}));
  server.get('/broken', async () => {
    throw new Error('a detail of ours');
  });
  url = await server.listen({ host: '127.0.0.1', port: 0 });
});

afterEach(() => server.close());

async function answerOf(path: string, init: RequestInit = {}): Promise<unknown> {
  const response = await fetch(`${url}${path}`, { ...init, headers: { 'x-request-id': 'r-1', ...init.headers } });
  expect(response.headers.get('content-type')).toBe('application/problem+json');
  return response.json();
}

const json = { 'content-type': 'application/json' };
const post = (body: string, headers: Record<string, string> = json) =>
  answerOf('/things', { method: 'POST', body, headers });

describe('problems of a real server', () => {
  it('answers every error alike, and names the request', async () => {
    expect(await answerOf('/nowhere')).toMatchObject({ code: 'NOT_FOUND', status: 404, instance: 'urn:request:r-1' });
    expect(await answerOf('/%c3%28')).toMatchObject({ code: 'VALIDATION_FAILED', status: 400 });
    expect(await post('{}')).toMatchObject({
      code: 'VALIDATION_FAILED',
      errors: [{ field: 'name', code: 'REQUIRED' }],
    });
    expect(await post('{"name":')).toMatchObject({ code: 'VALIDATION_FAILED' });
    expect(await post(`{"name":"${'x'.repeat(200)}"}`)).toMatchObject({ code: 'BODY_TOO_LARGE', status: 413 });
    expect(await post('<name/>', { 'content-type': 'text/xml' })).toMatchObject({
      code: 'UNSUPPORTED_MEDIA_TYPE',
      status: 415,
    });
    expect(lines).toEqual([]);
  });

  it('logs what is ours to mend, and tells the caller only that it happened', async () => {
    const problem = await answerOf('/broken?phone=%2B393331234567');
    expect(problem).toMatchObject({ code: 'INTERNAL', status: 500 });
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
