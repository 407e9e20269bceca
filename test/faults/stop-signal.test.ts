import { afterEach, expect, it } from '@jest/globals';
import { registerAcme } from '../support/client.js';
import { killLaunched, launchService } from '../support/process.js';
import { newDataDirectory, removeDataDirectories } from './data-directory.js';
import { FULL, chance, figure } from './full.js';
import { expectedOf, misplaced, recipientIdsOf, scanOf, toldBy } from './record.js';
import { Writers, phoneNumbers } from './writers.js';

const ROUNDS = FULL ? 10 : 2;
const WRITERS = 16;
const MOST_MS = 10_000;

const random = chance('SIGTERM');

afterEach(async () => {
  await killLaunched();
  removeDataDirectories();
});

it(
  'SIGTERM under load: what is in flight is finished, the rest refused, and it exits with 0 within ten seconds',
  async () => {
    const dataDir = newDataDirectory();
    const phones = phoneNumbers(30);
    const writers = new Writers(random, phones);
    for (let round = 0; round < ROUNDS; round++) {
      const service = await launchService(dataDir);
      if (round === 0) await registerAcme(service);
      await writers.retryOpen(service);
      const enough = writers.acknowledgedMore(random.between(20, 120));
      const writing = writers.write(service, WRITERS);
      await enough;
      const asked = performance.now();
      const exit = await service.process.kill('SIGTERM');
      const tookMs = performance.now() - asked;
      expect(exit).toEqual({ code: 0, signal: null });
      expect(tookMs).toBeLessThan(MOST_MS);
      await writing;
      await expect(fetch(`${service.base}/health/live`)).rejects.toThrow('fetch failed');
      expect(misplaced(writers.acknowledged, await scanOf(dataDir))).toEqual([]);
      figure(`SIGTERM with ${WRITERS} writers: exit 0 after ${tookMs.toFixed(0)} ms`);
    }
    const last = await launchService(dataDir);
    await writers.retryOpen(last);
    const recipientIds = await recipientIdsOf(last, phones);
    expect(await toldBy(last, recipientIds)).toEqual(expectedOf(writers.acknowledged));
  },
  FULL ? 300_000 : 180_000,
);
