import { closeSync, openSync, readFileSync, statSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { hasReached } from '#event-store';
import { registerAcme } from '../support/client.js';
import { killLaunched, launchService, type ServiceProcess } from '../support/process.js';
import { newDataDirectory, removeDataDirectories } from './data-directory.js';
import { FULL, chance, figure, type Chance } from './full.js';
import { happeningsIn, misplaced, recipientIdsOf, scanOf } from './record.js';
import { disagreements } from './verdicts.js';
import { Writers, phoneNumbers } from './writers.js';

const ROUNDS = FULL ? 10 : 1;
const HEADER_BYTES = 32;
const FRAME_BYTES = 24 + 4_096;

/** Where the last written frame of the log ends: behind it stand the zeros that were put there beforehand. */
function endOfLog(wal: string): number {
  const bytes = readFileSync(wal);
  let end = bytes.length;
  while (end > HEADER_BYTES && bytes[end - 1] === 0) end--;
  return HEADER_BYTES + Math.ceil((end - HEADER_BYTES) / FRAME_BYTES) * FRAME_BYTES;
}

function overwrite(file: string, from: number, bytes: Uint8Array): void {
  const handle = openSync(file, 'r+');
  writeSync(handle, bytes, 0, bytes.length, from);
  closeSync(handle);
}

const TEARS: readonly (readonly [string, (wal: string, from: number, random: Chance) => void])[] = [
  ['cut off', (wal, from) => truncateSync(wal, from)],
  [
    'garbled',
    (wal, from, random) => {
      const length = Math.min(random.between(1, 3 * FRAME_BYTES), statSync(wal).size - from);
      overwrite(
        wal,
        from,
        Uint8Array.from({ length }, () => random.between(0, 256)),
      );
    },
  ],
  ['lost behind a flipped bit', (wal, from) => overwrite(wal, from, Uint8Array.of((readFileSync(wal)[from] ?? 0) ^ 1))],
];

describe('the end of the log is torn', () => {
  const random = chance('torn log');
  let service: ServiceProcess;

  afterEach(async () => {
    await killLaunched();
    removeDataDirectories();
  });

  const writeMore = async (writers: Writers, count: number) => {
    const stopping = new AbortController();
    const writing = writers.write(service, 4, stopping.signal);
    await writers.acknowledgedMore(count);
    stopping.abort();
    await writing;
  };

  const headOf = async () => {
    const health = (await (await fetch(`${service.base}/health/ready`)).json()) as {
      followers: readonly { position: string }[];
    };
    return health.followers[0]?.position ?? '';
  };

  it.each(TEARS)(
    '%s: what was written before is there, and the view knows no more than the ledger',
    async (how, tear) => {
      const lost: number[] = [];
      for (let round = 0; round < ROUNDS; round++) {
        const dataDir = newDataDirectory();
        const wal = join(dataDir, 'ledger.db-wal');
        const phones = phoneNumbers(12);
        service = await launchService(dataDir);
        await registerAcme(service);
        const before = new Writers(random, phones, 'before');
        await writeMore(before, 40);
        const safe = endOfLog(wal);
        const after = new Writers(random, phones, 'after');
        await writeMore(after, 40);
        const aheadAt = await headOf();
        await service.process.kill('SIGKILL');
        tear(wal, random.between(safe, endOfLog(wal)), random);

        service = await launchService(dataDir);
        const scanned = await scanOf(dataDir);
        expect(misplaced(before.acknowledged, scanned)).toEqual([]);
        lost.push(misplaced(after.acknowledged, scanned).length);
        expect(hasReached(await headOf(), aheadAt)).toBe(false);
        const recipientIds = await recipientIdsOf(service, phones);
        expect(await disagreements(service, recipientIds, happeningsIn(scanned))).toEqual([]);

        await writeMore(new Writers(random, phones, 'anew'), 20);
        expect(await disagreements(service, recipientIds, happeningsIn(await scanOf(dataDir)))).toEqual([]);
        await service.process.kill('SIGTERM');
      }
      figure(
        `torn log ${how}, ${ROUNDS} times: nothing before the tear was lost, behind it ${lost.join(', ')} commands`,
      );
    },
    FULL ? 300_000 : 180_000,
  );
});
