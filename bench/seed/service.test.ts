import { readFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { NODE_FLAGS } from './service.js';

const textOf = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');

it('starts the service as npm and the image do', () => {
  const { start } = (JSON.parse(textOf('package.json')) as { scripts: { start: string } }).scripts;
  expect(start).toBe(`node ${NODE_FLAGS.join(' ')} dist/apps/ledger/main.js`);
  expect(textOf('deploy/Dockerfile')).toContain(
    `CMD ${JSON.stringify(['node', ...NODE_FLAGS, 'dist/apps/ledger/main.js']).replaceAll(',', ', ')}`,
  );
});
