import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { describeConfig } from './config-doc.js';
import { VARIABLES } from './config-variables.js';

const PAGE = new URL('../../docs/configuration.md', import.meta.url);

describe('docs/configuration.md', () => {
  it('is what the table of variables says (UPDATE_DOCS=1 writes it)', () => {
    if (process.env.UPDATE_DOCS === '1') writeFileSync(PAGE, describeConfig());
    expect(readFileSync(PAGE, 'utf8')).toBe(describeConfig());
  });

  it('names every variable', () => {
    for (const name of Object.keys(VARIABLES)) expect(describeConfig()).toContain(`| \`${name}\` |`);
  });
});
