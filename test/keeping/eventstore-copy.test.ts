import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { EventStoreProcess } from '../eventstore/server-process.js';
import { newDataDirectory, removeDataDirectories } from '../faults/data-directory.js';
import { FULL, chance, figure } from '../faults/full.js';
import { fillLedger, summaryIn } from './sample-ledger.js';
import { mustRun, runTool, startTool } from './tools.js';

const EVENTS = FULL ? 100_000 : 4_000;
const PATIENCE_MS = FULL ? 600_000 : 180_000;

const random = chance('ledger:copy over the network');
let server: EventStoreProcess | undefined;

afterEach(async () => server?.remove());
afterAll(removeDataDirectories);

describe('ledger:copy to EventStoreDB and back', () => {
  it(
    'keeps every byte, also where the copy and the server are killed on the way',
    async () => {
      const [source, back] = [newDataDirectory(), newDataDirectory()];
      await fillLedger(source, EVENTS, random);
      const wanted = await summaryIn(source);
      server = await EventStoreProcess.launch();

      const cutOff = startTool('ledger-copy', { from: source, to: server.url });
      await cutOff.says(/copying, [1-9]/);
      cutOff.child.kill('SIGKILL');
      expect((await cutOff.ended).signal).toBe('SIGKILL');

      const orphaned = startTool('ledger-copy', { from: source, to: server.url });
      await orphaned.says(/copying, [1-9]/);
      await server.stop('SIGKILL');
      await server.start();
      const survived = await orphaned.ended;
      const there = await mustRun('ledger-copy', { from: source, to: server.url });
      expect(there.stdout).toContain('the target holds exactly what the source holds');

      const told = await mustRun('ledger-copy', { from: server.url, to: back });
      expect(told.stdout.match(new RegExp(wanted.digest, 'g'))).toHaveLength(2);
      expect(await summaryIn(back)).toEqual(wanted);
      const outlived = survived.code === 0 ? 'went on by itself' : 'was run again';
      figure(
        `ledger:copy to EventStoreDB ${outlived} after its server was killed: ${there.stdout}back: ${told.stdout}`,
      );
    },
    PATIENCE_MS,
  );

  it('refuses a server that holds another ledger', async () => {
    const [one, other] = [newDataDirectory(), newDataDirectory()];
    for (const dataDir of [one, other]) await fillLedger(dataDir, 20, random);
    server = await EventStoreProcess.launch();
    await mustRun('ledger-copy', { from: one, to: server.url });
    const refused = await runTool('ledger-copy', { from: other, to: server.url });
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringMatching(/neither empty nor a copy of this/)]);
  });
});
