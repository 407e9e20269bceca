import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { encode, isUnderstood, readChangeRecord } from '#contracts';
import { ERRORS, systemClock } from '#platform';
import { faultsInOwn } from '../libs/contracts/contract.js';
import { businessOf } from './http/support/acme.js';
import { linesOf } from './http/support/filtering.js';
import { grantBody, must, registerAcme } from './support/client.js';
import { startTestService, type TestService } from './support/service.js';

/** What `docs/feed.md` tells those who watch and filter is true of the service. */
const PAGE = readFileSync(new URL('../docs/feed.md', import.meta.url), 'utf8');

function block(info: string): string {
  const [, text] = new RegExp(`^\`\`\`${info}\\n([^]*?)^\`\`\`$`, 'm').exec(PAGE) ?? [];
  if (text === undefined) throw new Error(`the page has no block ${info}`);
  return text;
}

const framesOf = (text: string) => text.split('\n\n').map((frame) => frame.trim().split('\n'));
const shapeOf = (frame: readonly string[]) => frame.map((line) => line.replace(/: .*/, ''));

const hasCurl = spawnSync('curl', ['--version']).status === 0;
const whereIsCurl = hasCurl ? it : it.skip;
if (!hasCurl) process.stdout.write('docs/feed.md: what it does with curl is not run, for want of curl\n');

describe('docs/feed.md', () => {
  let service: TestService;
  const cwd = mkdtempSync(join(tmpdir(), 'feed-page-'));
  const env = () => ({ PATH: process.env.PATH, KEY: service.adminKey, LEDGER: service.base });

  beforeAll(async () => {
    service = await startTestService({ clock: systemClock });
    await registerAcme(service);
  });
  afterAll(async () => {
    await service.stop();
    rmSync(cwd, { recursive: true });
  });

  it('shows a change as the records are', () => {
    const data = /^data: (\{"businessId".*)$/m.exec(PAGE)?.[1];
    const change = JSON.parse(data ?? '') as object;
    expect(faultsInOwn('change', change)).toEqual([]);
    expect(isUnderstood(readChangeRecord(encode(change)))).toBe(true);
  });

  it('names only codes and variables that there are', () => {
    const codes = [...PAGE.matchAll(/`([A-Z]+_[A-Z_]+|CONFLICT|OVERLOADED|UNAUTHENTICATED)`/g)].map(([, code]) => code);
    const variables = readFileSync(new URL('../docs/configuration.md', import.meta.url), 'utf8');
    const reasons = ['FOREIGN_POSITION', 'POSITION_AHEAD'];
    const known = (name = '') => name in ERRORS || reasons.includes(name) || variables.includes(`| \`${name}\` |`);
    expect(codes.filter((code) => !known(code))).toEqual([]);
    expect(codes.length).toBeGreaterThan(8);
  });

  whereIsCurl('has a curl that watches, and sees what the page shows (needs curl)', async () => {
    const watching = spawn('sh', ['-c', `exec ${block('sh watch')}`], { cwd, env: env() });
    const shown = framesOf(block('text')).map(shapeOf);
    let said = '';
    const seen = new Promise<void>((resolve) => {
      watching.stdout.on('data', (bytes: Buffer) => {
        said += bytes.toString();
        const shapes = framesOf(said).map((frame) => shapeOf(frame).join());
        if (shown.every((shape) => shapes.includes(shape.join())) && said.includes('"at"')) resolve();
      });
    });
    await must(businessOf(service).revoke({ recipient: { phone: '+393331500001' } }));
    await seen;
    watching.kill();
    expect(said).toMatch(/event: change\ndata: \{"businessId":"acme",.*"type":"ConsentRevoked"/);
  });

  whereIsCurl('has a curl that filters a file (needs curl)', async () => {
    const phone = '+393331500002';
    await must(businessOf(service).grant(grantBody(phone, { channels: ['sms'] })));
    const lines = ['+393331500001', phone].map((one, ref) => JSON.stringify({ ref, recipient: { phone: one } }));
    writeFileSync(join(cwd, 'audience.ndjson'), lines.join('\n'));
    const filtering = spawn('sh', ['-c', block('sh filter')], { cwd, env: env() });
    expect(await new Promise((resolve) => filtering.on('close', resolve))).toBe(0);
    expect(linesOf(readFileSync(join(cwd, 'answers.ndjson'), 'utf8'))).toMatchObject([
      { ref: 0, eligible: false, reason: 'REVOKED' },
      { ref: 1, eligible: true, reason: 'CONSENTED' },
    ]);
  });
});
