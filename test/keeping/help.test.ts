import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const run = promisify(execFile);
const PATIENCE_MS = 60_000;

let dir: string;
beforeAll(() => void (dir = mkdtempSync(join(tmpdir(), 'tools-help-'))));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** A built program in an empty directory, which is its data directory too. */
function tool(program: string, argument: string) {
  const file = join(process.cwd(), 'dist/apps/ledger', program);
  return run(process.execPath, [file, argument], { cwd: dir, env: { PATH: process.env.PATH, DATA_DIR: dir } });
}

describe('the tools of operators', () => {
  it.each([
    ['backup', 'keeping/backup.js'],
    ['restore', 'keeping/restore.js'],
    ['ledger:copy', 'keeping/ledger-copy.js'],
    ['relay:republish', 'relay-republish.js'],
    ['view:rebuild', 'view-rebuild.js'],
  ])(
    'say how %s is used, and do nothing else',
    async (name, program) => {
      const { stdout, stderr } = await tool(program, '--help');
      expect([stdout, stderr]).toEqual([expect.stringContaining(`usage: npm run ${name}`), '']);
      expect(readdirSync(dir)).toEqual([]);
    },
    PATIENCE_MS,
  );

  it(
    'rebuild no view for somebody who meant another one',
    async () => {
      await expect(tool('view-rebuild.js', '--data=elsewhere')).rejects.toMatchObject({
        code: 1,
        stderr: expect.stringContaining('usage: npm run view:rebuild') as unknown,
      });
    },
    PATIENCE_MS,
  );
});
