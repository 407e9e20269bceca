import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { removePostgresServers, startPostgres, type PostgresServer } from '../../test/postgres/server.js';
import { openPostgres } from './postgres.js';

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
}, 120_000);
afterAll(() => removePostgresServers());

it('a session that was still being made when all was closed is nobody’s, and not waited for', async () => {
  const postgres = openPostgres({ url: server.url });
  const held = postgres.hold();
  const closed = postgres.close();
  await expect(held).rejects.toMatchObject({ problem: 'UNAVAILABLE', message: 'the connection is closed' });
  await closed;
  expect(postgres.status().sessions).toBe(0);
});
