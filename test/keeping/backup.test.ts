import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from '@jest/globals';
import { openSqliteStore, type StoredEvent } from '#event-store';
import { readConfig } from '#platform';
import { makeBackup } from '../../apps/ledger/keeping/make-backup.js';
import { Bar } from '../../apps/ledger/keeping/tool.js';
import { ask, deliver, deliveryOf, grantBody, must, registerAcme, type Answer } from '../support/client.js';
import { killLaunched, launchService, type ServiceProcess } from '../support/process.js';
import { newDataDirectory, removeDataDirectories } from '../faults/data-directory.js';
import { FULL, chance, figure } from '../faults/full.js';
import { happeningsIn, recipientIdsOf, scanOf, timelineOf } from '../faults/record.js';
import { decide, disagreements, stopped } from '../faults/verdicts.js';
import { viewFileOf } from '../faults/view-rows.js';
import { Writers, phoneNumbers } from '../faults/writers.js';
import { mustRun } from './tools.js';

const BEFORE = FULL ? 5_000 : 150;
const WRITERS = 4;
const ACME = '/v1/businesses/acme';

const random = chance('backup while writers write');

afterEach(killLaunched);
afterAll(removeDataDirectories);

interface Kept {
  readonly dataDir: string;
  readonly restored: string;
  readonly phones: readonly string[];
  /** Of the ledger that was backed up. */
  readonly head: string;
  /** What was acknowledged when the backup began. */
  readonly acknowledged: ReadonlySet<string>;
}

/** A service that four writers keep busy, a backup of it in the middle, and what a restore made of that. */
async function backUpAndRestore(): Promise<Kept> {
  const [dataDir, place] = [newDataDirectory(), newDataDirectory()];
  const [backup, restored] = [join(place, 'backup'), join(place, 'restored')];
  const service = await launchService(dataDir);
  await registerAcme(service);
  const phones = phoneNumbers(40);
  const writers = new Writers(random, phones);
  const enough = writers.acknowledgedMore(BEFORE);
  const stop = new AbortController();
  const writing = writers.write(service, WRITERS, stop.signal);
  await enough;
  // The answer to a webhook names no event.
  const named = writers.acknowledged.filter(({ answer }) => answer.body.eventId !== undefined);
  const acknowledged = new Set(named.map(({ answer }) => String(answer.body.eventId)));
  await mustRun('backup', { to: backup }, { DATA_DIR: dataDir });
  await writers.acknowledgedMore(20);
  stop.abort();
  await writing;
  await service.process.kill('SIGTERM');
  const { stdout } = await mustRun('restore', { from: backup, to: restored });
  const [, head = ''] = /position (\S+) is/.exec(stdout) ?? [];
  expectPrivate(backup);
  expectPrivate(restored);
  return { dataDir, restored, phones, head, acknowledged };
}

function expectPrivate(directory: string): void {
  expect([directory, statSync(directory).mode & 0o777]).toEqual([directory, 0o700]);
  for (const name of readdirSync(directory)) {
    expect([name, statSync(join(directory, name)).mode & 0o777]).toEqual([name, 0o600]);
  }
}

function withoutPosition({ position: _, ...event }: StoredEvent) {
  return { ...event, data: Buffer.from(event.data).toString(), metadata: Buffer.from(event.metadata).toString() };
}

/** What each event says once it is opened, by its id. */
async function openedIn(service: ServiceProcess, recipientIds: readonly string[]): Promise<Map<string, unknown>> {
  const timelines = await Promise.all(recipientIds.map((id) => timelineOf(service, id)));
  return new Map(timelines.flat().map(({ eventId, position: _, ...told }) => [eventId, told]));
}

describe('a backup made while writers write', () => {
  it(
    'is restored with every event up to its head, every sealed part and every decision, as another ledger',
    async () => {
      const { dataDir, restored, phones, head, acknowledged } = await backUpAndRestore();
      const [original, copy] = [await scanOf(dataDir), await scanOf(restored)];
      const upTo = Number(head.split('.')[1]);
      const before = original.filter(({ position }) => Number(position.split('.')[1]) <= upTo);
      expect(copy.map(withoutPosition)).toEqual(before.map(withoutPosition));
      expect(copy.length).toBeLessThan(original.length);
      const ids = new Set(copy.map(({ id }) => id));
      expect([...acknowledged].filter((id) => !ids.has(id))).toEqual([]);

      const first = await launchService(dataDir);
      const recipientIds = await recipientIdsOf(first, phones);
      const told = await openedIn(first, recipientIds);
      await first.process.kill('SIGTERM');

      const service = await launchService(restored);
      expect(await recipientIdsOf(service, phones)).toEqual(recipientIds);
      const opened = await openedIn(service, recipientIds);
      expect([...opened.keys()].sort()).toEqual([...ids].sort());
      for (const [eventId, event] of opened) expect(event).toEqual(told.get(eventId));
      const happenings = happeningsIn(copy);
      expect(await disagreements(service, recipientIds, happenings)).toEqual([]);
      expect(stopped(happenings).size).toBeGreaterThan(0);
      figure(`backup: ${copy.length} of ${original.length} events, ${acknowledged.size} acknowledged when it began`);
    },
    FULL ? 300_000 : 180_000,
  );

  it('takes neither an old position for reached nor an old view for its own', async () => {
    const { dataDir, restored, phones, head } = await backUpAndRestore();
    const oldView = viewFileOf(dataDir);
    for (const name of ['view.current', oldView]) cpSync(join(dataDir, name), join(restored, name));
    const service = await launchService(restored);
    const recipientIds = await recipientIdsOf(service, phones);
    expect(await disagreements(service, recipientIds, happeningsIn(await scanOf(restored)))).toEqual([]);
    expect(viewFileOf(restored)).not.toBe(oldView);

    const [recipientId = ''] = recipientIds;
    const store = await openSqliteStore({ dataDir: restored, readOnly: true });
    const { ledgerId } = store;
    await store.close();
    const answer = await decide(service, recipientId, { channel: 'whatsapp', purpose: 'offers' });
    expect(answer.position.startsWith(`${ledgerId}.`)).toBe(true);
    expect(head.startsWith(`${ledgerId}.`)).toBe(false);
    const path = `/v1/businesses/acme/recipients/${recipientId}/eligibility`;
    const old = await ask(service, 'GET', `${path}?channel=whatsapp&purpose=offers&atLeast=${head}`);
    expect([old.status, old.body]).toEqual([200, expect.objectContaining({ eligible: false, reason: 'VIEW_BEHIND' })]);
    const own = await ask(service, 'GET', `${path}?channel=whatsapp&purpose=offers&atLeast=${answer.position}`);
    expect(own.body.reason).toBe(answer.reason);
    expect(readFileSync(join(restored, 'admin.key'), 'utf8')).toBe(readFileSync(join(dataDir, 'admin.key'), 'utf8'));
  }, 90_000);
});

/** Does something while a backup is made: when its first step is shown, the moment of the ledger's copy is fixed. */
class Meanwhile extends Bar {
  private isDone = false;
  constructor(private readonly work: () => void) {
    super('backup');
  }
  override show(): void {
    if (!this.isDone) this.work();
    this.isDone = true;
  }
}

async function backUp(service: ServiceProcess, meanwhile: () => void) {
  const to = join(newDataDirectory(), 'backup');
  const manifest = await makeBackup(readConfig({ DATA_DIR: service.dataDir }), to, new Meanwhile(meanwhile));
  return { to, manifest };
}

/** Without this process going on meanwhile. */
function askInBetween(method: string, url: string, adminKey: string, body: unknown): void {
  const headers = { authorization: `Bearer ${adminKey}`, 'content-type': 'application/json' };
  const init = JSON.stringify({ method, headers, body: JSON.stringify(body) });
  const program = `const { status } = await fetch('${url}', ${init}); if (status > 201) throw new Error(String(status));`;
  execFileSync(process.execPath, ['--input-type=module', '-e', program]);
}

describe('the moment of a backup', () => {
  it('is not before its date, since opt-outs are told again from that date on', async () => {
    const service = await launchService(newDataDirectory());
    await registerAcme(service);
    let copiedMs = Infinity;
    const { manifest } = await backUp(service, () => (copiedMs = Date.now()));
    expect(Date.parse(manifest.createdAt)).toBeLessThanOrEqual(copiedMs);
  });

  it('has what was kept as unrouted and recorded after it', async () => {
    const service = await launchService(newDataDirectory());
    await registerAcme(service);
    const phone = '+393331231234';
    const { body: granted } = await must(ask(service, 'POST', `${ACME}/grants`, { body: grantBody(phone) }));
    const stop = { from: phone.slice(1), id: 'wamid.unrouted', text: 'STOP', at: Date.now(), phoneNumberId: '4711' };
    await must(deliver(service, deliveryOf(stop)));
    const bound = { channel: 'whatsapp', provider: 'whatsapp_cloud', address: '+39021234568', providerId: '4711' };
    const path = `${ACME}/senders/second`;
    const { to } = await backUp(service, () => askInBetween('PUT', service.base + path, service.adminKey, bound));
    expect(await answerIn(service, granted)).toMatchObject({ reason: 'REVOKED' });

    const restored = join(newDataDirectory(), 'restored');
    await mustRun('restore', { from: to, to: restored });
    const again = await launchService(restored);
    expect(await answerIn(again, granted)).toMatchObject({ reason: 'CONSENTED' });
    const { body } = await must(ask(again, 'GET', '/v1/unrouted'));
    expect(body.unrouted).toMatchObject([{ reason: 'unknown_sender', providerId: '4711' }]);
    await must(ask(again, 'PUT', path, { body: bound }));
    expect(await answerIn(again, granted)).toMatchObject({ reason: 'REVOKED' });
  }, 90_000);
});

function answerIn(service: ServiceProcess, { recipientId }: Answer['body']) {
  return decide(service, String(recipientId), { channel: 'whatsapp', purpose: 'offers' });
}
