import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from '@jest/globals';
import { registerAcme } from '../support/client.js';
import { ProgramProcess, killLaunched, launchService, type ServiceProcess } from '../support/process.js';
import { baseEnv } from '../support/service.js';
import { newDataDirectory, removeDataDirectories } from './data-directory.js';
import { send } from './deed.js';
import { FULL, chance, figure } from './full.js';
import { expectedOf, happeningsIn, misplaced, recipientIdsOf, scanOf, toldBy } from './record.js';
import { until } from './until.js';
import { decide, disagreements, stopped } from './verdicts.js';
import { rowsOf, viewFileOf } from './view-rows.js';
import { Writers, phoneNumbers } from './writers.js';

const KILLS = FULL ? 30 : 3;
const WRITERS = 8;
const MOST_BETWEEN_KILLS = FULL ? 400 : 120;

const random = chance('kill -9');
const dataDir = newDataDirectory();

afterEach(async () => {
  await killLaunched();
  removeDataDirectories();
});

/** In the middle of whatever the process does: so many of this process's turns after an acknowledgement. */
async function someTurns(): Promise<void> {
  for (let turns = random.between(0, 60); turns > 0; turns--) await new Promise((resolve) => setImmediate(resolve));
}

async function writeUntilKilled(writers: Writers): Promise<void> {
  const service = await launchService(dataDir);
  await writers.retryOpen(service);
  const enough = writers.acknowledgedMore(random.between(1, MOST_BETWEEN_KILLS));
  const writing = writers.write(service, WRITERS);
  await enough;
  await someTurns();
  expect(await service.process.kill('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' });
  await writing;
}

/** A start that is itself cut off, once it holds the lock, must leave no less behind than it found. */
async function killWhileStarting(): Promise<void> {
  const starting = new ProgramProcess({ env: baseEnv(dataDir) });
  const holder = () => readFileSync(join(dataDir, 'lock.pid'), 'utf8').trim();
  await until('the starting process holds the lock', () => (holder() === String(starting.pid) ? true : undefined));
  await someTurns();
  await starting.kill('SIGKILL');
}

/** Everything told again is a replay: the same answer, and `Idempotent-Replayed` where the answer names an event. */
async function tellAllAgain(service: ServiceProcess, writers: Writers): Promise<void> {
  for (const { deed, answer } of writers.acknowledged) {
    const again = await send(service, deed);
    expect(again.status).toBe(200);
    expect([deed.label, again.body.eventId]).toEqual([deed.label, answer.body.eventId]);
    const saysSo = answer.body.eventId === undefined ? null : 'true';
    expect([deed.label, again.headers.get('idempotent-replayed')]).toEqual([deed.label, saysSo]);
  }
}

async function rebuiltRows(): Promise<readonly unknown[]> {
  const rebuild = new ProgramProcess({ program: 'view-rebuild.js', env: { DATA_DIR: dataDir } });
  expect({ ...(await rebuild.exited), stderr: rebuild.stderr }).toMatchObject({ code: 0 });
  return rowsOf(dataDir);
}

it(
  'kill -9 while eight writers write: what was acknowledged is there, once, and a STOP still holds',
  async () => {
    const first = await launchService(dataDir);
    await registerAcme(first);
    await first.process.kill('SIGKILL');
    const phones = phoneNumbers(40);
    const writers = new Writers(random, phones);
    for (let kill = 1; kill <= KILLS; kill++) {
      await writeUntilKilled(writers);
      if (kill % 3 === 0) await killWhileStarting();
    }

    const service = await launchService(dataDir);
    await writers.retryOpen(service);
    await tellAllAgain(service, writers);

    const recipientIds = await recipientIdsOf(service, phones);
    expect(await toldBy(service, recipientIds)).toEqual(expectedOf(writers.acknowledged));
    const scanned = await scanOf(dataDir);
    expect(scanned).toHaveLength(expectedOf(writers.acknowledged).length);
    expect(new Set(scanned.map(({ id }) => id)).size).toBe(scanned.length);
    expect(misplaced(writers.acknowledged, scanned)).toEqual([]);

    const happenings = happeningsIn(scanned);
    for (const recipientId of stopped(happenings)) {
      const decision = await decide(service, recipientId, { channel: 'whatsapp', purpose: 'offers' });
      expect(decision).toMatchObject({ eligible: false, reason: 'REVOKED' });
    }
    expect(await disagreements(service, recipientIds, happenings)).toEqual([]);

    const before = viewFileOf(dataDir);
    const live = rowsOf(dataDir);
    expect(await rebuiltRows()).toEqual(live);
    await until('the service takes the rebuilt view up', async () =>
      viewFileOf(dataDir) !== before ? true : undefined,
    );
    expect(await disagreements(service, recipientIds, happenings)).toEqual([]);
    expect(await service.process.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    figure(
      `kill -9: ${KILLS} kills, ${writers.acknowledged.length} deeds acknowledged, ${scanned.length} events, ` +
        `${stopped(happenings).size} of ${phones.length} recipients stopped`,
    );
  },
  FULL ? 600_000 : 180_000,
);
