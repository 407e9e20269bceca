import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { removePostgresServers, startPostgres } from '../../test/postgres/server.js';
import { Gathered } from './gathered.js';
import { openPostgres, type Postgres } from './postgres.js';
import type { Statement } from './session.js';
import { textArray } from './text-array.js';

const SAME: Statement = { name: 'same', text: 'SELECT said FROM unnest($1::text[]) AS said' };

let postgres: Postgres;
beforeAll(async () => {
  postgres = openPostgres({ url: (await startPostgres()).url });
}, 120_000);
afterAll(async () => {
  await postgres.close();
  await removePostgresServers();
});

describe('questions that are asked together', () => {
  it('fail alone for a value that the server cannot take', async () => {
    let statements = 0;
    const gathered = new Gathered(async (asked: readonly string[]) => {
      statements += 1;
      return new Set((await postgres.query<[string]>(SAME, [textArray(asked)])).map(([said]) => said));
    });
    const asked = Array.from({ length: 100 }, (_, n) => (n === 42 ? 'no\0text' : `text ${n}`));
    const answers = await Promise.allSettled(asked.map((question) => gathered.ask(question)));
    const failed = answers.flatMap(({ status }, index) => (status === 'rejected' ? [index] : []));
    expect(failed).toStrictEqual([42]);
    for (const [index, answer] of answers.entries()) {
      if (answer.status === 'fulfilled') expect(answer.value.has(asked[index] ?? '')).toBe(true);
    }
    expect(statements).toBeLessThan(20);
  });

  it('fail together where the server is away', async () => {
    let statements = 0;
    const gathered = new Gathered(async () => {
      statements += 1;
      await openPostgres({ url: 'postgres://nobody@127.0.0.1:1/none' }).query(SAME, [textArray([])]);
    });
    const answers = await Promise.allSettled(['one', 'other'].map((question) => gathered.ask(question)));
    expect([statements, ...answers.map(({ status }) => status)]).toStrictEqual([1, 'rejected', 'rejected']);
  });
});
