import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openSqliteStore, type LedgerSummary } from '#event-store';
import { newDataDirectory, removeDataDirectories } from '../faults/data-directory.js';
import { FULL, chance, figure } from '../faults/full.js';
import { until } from '../faults/until.js';
import { fillLedger, someEvent, summaryIn } from './sample-ledger.js';
import { mustRun, runTool, startTool } from './tools.js';

const EVENTS = FULL ? 100_000 : 6_000;
const KILLS = FULL ? 10 : 3;
const PATIENCE_MS = FULL ? 600_000 : 180_000;

const random = chance('ledger:copy');
const source = newDataDirectory();
let wanted: LedgerSummary;

async function eventsIn(dataDir: string): Promise<number> {
  if (!existsSync(join(dataDir, 'ledger.db'))) return 0;
  try {
    return (await summaryIn(dataDir)).events;
  } catch {
    // Its tables are being made.
    return 0;
  }
}

beforeAll(async () => {
  await fillLedger(source, EVENTS, random);
  wanted = await summaryIn(source);
}, PATIENCE_MS);
afterAll(removeDataDirectories);

describe('ledger:copy', () => {
  it(
    'goes on where kill -9 cut it off, and copies there and back to the same digest',
    async () => {
      const there = newDataDirectory();
      const cuts: number[] = [];
      for (let kill = 1; kill <= KILLS; kill++) {
        const enough = Math.max(cuts.at(-1) ?? 0, random.between(1, (kill * EVENTS) / (KILLS + 2)));
        const tool = startTool('ledger-copy', { from: source, to: there });
        await until('so much is copied', async () => ((await eventsIn(there)) >= enough ? true : undefined));
        tool.child.kill('SIGKILL');
        await tool.ended;
        cuts.push(await eventsIn(there));
      }
      const { stdout } = await mustRun('ledger-copy', { from: source, to: there });
      expect(stdout).toContain(`${cuts.at(-1)} were there already`);
      expect(stdout).toContain('the target holds exactly what the source holds');
      expect(await summaryIn(there)).toEqual(wanted);

      const back = newDataDirectory();
      const told = await mustRun('ledger-copy', { from: there, to: back });
      expect(told.stdout.match(new RegExp(wanted.digest, 'g'))).toHaveLength(2);
      expect(await summaryIn(back)).toEqual(wanted);
      figure(`ledger:copy there, killed at ${cuts.join(', ')}: ${stdout.split('\n')[0]}; back: ${told.stdout}`);
    },
    PATIENCE_MS,
  );

  it(
    'copies while the source is written, says up to where, and takes the rest the next time',
    async () => {
      const target = newDataDirectory();
      const store = await openSqliteStore({ dataDir: source, diskReserveMb: 0 });
      try {
        const writing = new AbortController();
        const written = (async () => {
          while (!writing.signal.aborted) await store.append('consent-late', [someEvent(1, random)], 'any');
        })();
        const first = await mustRun('ledger-copy', { from: source, to: target });
        writing.abort();
        await written;
        const [, complete = ''] = /complete up to position \S+\.(\d+) of the source/.exec(first.stdout) ?? [];
        expect(await eventsIn(target)).toBe(Number(complete));
        expect(await eventsIn(source)).toBeGreaterThan(Number(complete));
        await mustRun('ledger-copy', { from: source, to: target });
        expect(await summaryIn(target)).toEqual(await summaryIn(source));
      } finally {
        await store.close();
      }
    },
    PATIENCE_MS,
  );

  it('refuses a target with a ledger of its own, a missing source and a target in use, each by name', async () => {
    const other = newDataDirectory();
    const store = await openSqliteStore({ dataDir: other, diskReserveMb: 0 });
    await store.append('system-ledger', [someEvent(0, random)], 'none');
    const inUse = await runTool('ledger-copy', { from: source, to: other });
    expect([inUse.code, inUse.stderr]).toEqual([1, expect.stringMatching(`in use by process ${process.pid}`)]);
    await store.close();
    const foreign = await runTool('ledger-copy', { from: source, to: other });
    expect([foreign.code, foreign.stderr]).toEqual([1, expect.stringMatching(/neither empty nor a copy of this/)]);
    const nothing = await runTool('ledger-copy', { from: newDataDirectory(), to: other });
    expect([nothing.code, nothing.stderr]).toEqual([1, expect.stringMatching(/no embedded ledger in/)]);
    const unreachable = { from: source, to: 'esdb://admin:geheim@127.0.0.1:1?tls=false' };
    const away = await runTool('ledger-copy', unreachable);
    expect(away.code).toBe(1);
    expect(away.stderr).not.toMatch(/geheim/);
    for (const place of ['http://admin:geheim@127.0.0.1:2113', 'esdb:/admin:geheim@127.0.0.1', 'localhost:2113']) {
      for (const places of [
        { from: source, to: place },
        { from: place, to: newDataDirectory() },
      ]) {
        const meant = await runTool('ledger-copy', places);
        expect([meant.code, meant.stderr]).toEqual([1, expect.stringMatching(/begins with esdb:\/\//)]);
        expect(meant.stderr).not.toMatch(/geheim/);
      }
    }
    const misspelt = await runTool('ledger-copy', { form: 'esdb://admin:geheim@127.0.0.1:1', to: other });
    expect([misspelt.code, misspelt.stderr]).toEqual([1, expect.stringMatching(/usage: npm run ledger:copy/)]);
    expect(misspelt.stderr).not.toMatch(/geheim/);
  });
});
