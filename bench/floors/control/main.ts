/**
 * What somebody would write instead of the service: a table of consents with the index that the question needs, behind
 * Fastify with a compiled schema, a prepared statement and a pool. It knows no withdrawal but the last word, no window,
 * no other business's policy, and says why in one word. It ends with its parent.
 */
import type { AddressInfo } from 'node:net';
import fastify from 'fastify';
import pg from 'pg';
import { FIND, type ControlRow } from './table.js';

const POOL = 8;

interface Asked {
  readonly recipient: { readonly phone: string };
  readonly channel: string;
  readonly purpose: string;
}

const TEXT = { type: 'string', minLength: 1, maxLength: 64 } as const;
const schema = {
  body: {
    type: 'object',
    required: ['recipient', 'channel', 'purpose'],
    properties: {
      recipient: { type: 'object', required: ['phone'], properties: { phone: TEXT } },
      channel: TEXT,
      purpose: TEXT,
    },
  },
  response: {
    200: {
      type: 'object',
      properties: {
        eligible: { type: 'boolean' },
        reason: { type: 'string' },
        since: { type: 'string' },
        channel: { type: 'string' },
        purpose: { type: 'string' },
        decidedAt: { type: 'string' },
      },
    },
  },
} as const;

export interface ControlOrder {
  readonly url: string;
  readonly key: string;
}

process.on('disconnect', () => process.exit(0));
process.once('message', ({ url, key }: ControlOrder) => void serve(url, key));

async function serve(url: string, key: string): Promise<void> {
  const pool = new pg.Pool({ connectionString: url, max: POOL });
  const businesses = new Map([[`Bearer ${key}`, 'acme']]);
  const app = fastify({ logger: false });
  app.post<{ Params: { b: string }; Body: Asked }>(
    '/v1/businesses/:b/eligibility',
    { schema },
    async (request, reply) => {
      const { b } = request.params;
      if (businesses.get(request.headers.authorization ?? '') !== b) return reply.code(401).send();
      const { recipient, channel, purpose } = request.body;
      const { rows } = await pool.query<ControlRow>({ ...FIND, values: [b, recipient.phone, channel, purpose] });
      return { ...answerOf(rows[0]), channel, purpose, decidedAt: new Date().toISOString() };
    },
  );
  await app.listen({ port: 0, host: '127.0.0.1' });
  process.send?.((app.server.address() as AddressInfo).port);
}

function answerOf(row: ControlRow | undefined) {
  if (row === undefined) return { eligible: false, reason: 'UNKNOWN' };
  return { eligible: row.agreed, reason: row.agreed ? 'AGREED' : 'REVOKED', since: row.changed_at.toISOString() };
}
