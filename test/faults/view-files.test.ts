import { copyFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { ask, grantBody, must, registerAcme } from '../support/client.js';
import { ProgramProcess, killLaunched, launchService, type ServiceProcess } from '../support/process.js';
import { newDataDirectory, removeDataDirectories } from './data-directory.js';
import { FULL, chance, figure } from './full.js';
import { happeningsIn, recipientIdsOf, scanOf } from './record.js';
import { until } from './until.js';
import { disagreements } from './verdicts.js';
import { rowsOf, viewFileOf } from './view-rows.js';
import { Writers, phoneNumbers } from './writers.js';

const BUSINESS = '/v1/businesses/acme';
const PEOPLE = FULL ? 4_000 : 60;
const REBUILDS = FULL ? 6 : 2;

const random = chance('view files');

async function fill(service: ServiceProcess, phones: readonly string[]): Promise<void> {
  await registerAcme(service);
  for (let start = 0; start < phones.length; start += 50) {
    const some = phones.slice(start, start + 50);
    await Promise.all(
      some.map((phone) => must(ask(service, 'POST', `${BUSINESS}/grants`, { body: grantBody(phone) }))),
    );
  }
}

function eachViewFile(dataDir: string, spoil: (file: string) => void): void {
  for (const name of readdirSync(dataDir)) if (/^view-\d+\.db/.test(name)) spoil(join(dataDir, name));
}

describe('a view file that cannot be used is made anew from the ledger', () => {
  const [phones, dataDir] = [phoneNumbers(30), newDataDirectory()];
  let rows: readonly unknown[];
  let foreign: string;

  beforeAll(async () => {
    const other = await launchService(newDataDirectory());
    await fill(other, phoneNumbers(5));
    await other.process.kill('SIGTERM');
    foreign = join(other.dataDir, viewFileOf(other.dataDir));
    const service = await launchService(dataDir);
    await fill(service, phones);
    const writers = new Writers(random, phones);
    const writing = writers.write(service, 4);
    await writers.acknowledgedMore(60);
    await service.process.kill('SIGTERM');
    await writing;
    const again = await launchService(dataDir);
    await writers.retryOpen(again);
    await again.process.kill('SIGTERM');
    rows = rowsOf(dataDir);
  });
  afterEach(() => killLaunched());
  afterAll(() => removeDataDirectories());

  const SPOILT: readonly (readonly [string, () => void])[] = [
    ['garbled', () => eachViewFile(dataDir, (file) => writeFileSync(file, Buffer.alloc(20_000, 0xa7)))],
    ['cut off', () => eachViewFile(dataDir, (file) => truncateSync(file, 5_000))],
    ['empty', () => eachViewFile(dataDir, (file) => truncateSync(file, 0))],
    ['of another ledger', () => copyFileSync(foreign, join(dataDir, viewFileOf(dataDir)))],
    ['deleted', () => eachViewFile(dataDir, (file) => rmSync(file))],
    ['deleted with its pointer', () => [eachViewFile(dataDir, rmSync), rmSync(join(dataDir, 'view.current'))]],
    ['pointed to by nonsense', () => writeFileSync(join(dataDir, 'view.current'), '../ledger.db\n')],
  ];

  it.each(SPOILT)('%s', async (_how, spoil) => {
    spoil();
    const service = await launchService(dataDir);
    const recipientIds = await recipientIdsOf(service, phones);
    expect(await disagreements(service, recipientIds, happeningsIn(await scanOf(dataDir)))).toEqual([]);
    await service.process.kill('SIGTERM');
    expect(rowsOf(dataDir)).toEqual(rows);
  });
});

describe('view:rebuild beside a loaded service', () => {
  afterEach(async () => {
    await killLaunched();
    removeDataDirectories();
  });

  /** Somebody is revoked and asked about at once, without a position, over and over: how often, and what was wrong. */
  const revokeAndCheck = async (service: ServiceProcess, phones: readonly string[], signal: AbortSignal) => {
    const seen = { checks: 0, yeses: 0, unanswered: 0, wrong: [] as unknown[] };
    for (let turn = 0; !signal.aborted; turn++) {
      const recipient = { phone: phones[turn % phones.length] };
      const asking = { recipient, channel: 'whatsapp', purpose: 'offers' };
      const granted = await ask(service, 'POST', `${BUSINESS}/grants`, { body: grantBody(String(recipient.phone)) });
      const yes = await ask(service, 'POST', `${BUSINESS}/eligibility`, { body: asking });
      const revoked = await ask(service, 'POST', `${BUSINESS}/revocations`, { body: { recipient } });
      const no = await ask(service, 'POST', `${BUSINESS}/eligibility`, { body: asking });
      seen.checks += 2;
      for (const { status, body } of [granted, yes, revoked, no]) if (status >= 300) seen.wrong.push(body);
      if (no.body.eligible !== false) seen.wrong.push(no.body);
      if (yes.body.eligible === true) seen.yeses++;
      for (const { body } of [yes, no]) if (String(body.reason).startsWith('VIEW_')) seen.unanswered++;
    }
    return seen;
  };

  it(
    'the service answers throughout, takes the new file up, and never says a stale yes',
    async () => {
      const service = await launchService(newDataDirectory());
      const phones = phoneNumbers(PEOPLE);
      await fill(service, phones);
      const stopping = new AbortController();
      const asking = [0, 1, 2, 3].map((part) => {
        const share = phones.filter((_, index) => index % 4 === part);
        return revokeAndCheck(service, share, stopping.signal);
      });
      for (let rebuild = 1; rebuild <= REBUILDS; rebuild++) {
        const before = viewFileOf(service.dataDir);
        const rebuilding = new ProgramProcess({ program: 'view-rebuild.js', env: { DATA_DIR: service.dataDir } });
        expect(await rebuilding.exited).toEqual({ code: 0, signal: null });
        expect(rebuilding.stdout).toMatch(/^rebuilt: \d+ events in /);
        await until('the service takes the rebuilt view up and removes the old one', () =>
          readdirSync(service.dataDir).includes(before) ? undefined : true,
        );
        expect(viewFileOf(service.dataDir)).not.toBe(before);
      }
      stopping.abort();
      const seen = await Promise.all(asking);
      expect(seen.flatMap(({ wrong }) => wrong)).toEqual([]);
      const total = (count: 'checks' | 'yeses' | 'unanswered') => seen.reduce((sum, one) => sum + one[count], 0);
      expect(total('yeses')).toBeGreaterThan(0);
      expect(total('unanswered')).toBeLessThan(total('checks') / 10);
      figure(
        `view:rebuild beside a loaded service: ${REBUILDS} times, ${total('checks')} checks, ` +
          `${total('yeses')} said yes, ${total('unanswered')} said that the view is away`,
      );

      const recipientIds = await recipientIdsOf(service, phones.slice(0, 40));
      expect(await disagreements(service, recipientIds, happeningsIn(await scanOf(service.dataDir)))).toEqual([]);
    },
    FULL ? 300_000 : 180_000,
  );
});
