import { afterEach, describe, expect, it } from '@jest/globals';
import { ask, deliver, deliveryOf, grantBody, registerAcme, type Answer } from '../support/client.js';
import { killLaunched, launchService, type ServiceProcess } from '../support/process.js';
import { removeDataDirectories } from './data-directory.js';
import { figure } from './full.js';
import { recipientIdsOf } from './record.js';
import { SmallDisk } from './small-disk.js';
import { until } from './until.js';
import { decide } from './verdicts.js';
import { phoneNumbers } from './writers.js';

const RESERVE_MB = '2';
/** Room for the log that is laid out beforehand, for as much again in the database, and for what the test fills. */
const DISK_MIB = 48;
const KIBIBYTE = 1024;
const BUSINESS = '/v1/businesses/acme';

const refusal = SmallDisk.refusal();
const onSmallDisk = refusal === undefined ? it : it.skip;
if (refusal !== undefined) process.stdout.write(`disk full: skipped, ${refusal}\n`);

interface Health {
  readonly dependencies: {
    readonly ledger: { readonly reserve: string; readonly problem?: string };
    readonly vault: { readonly problem?: string };
    readonly disk: { readonly problem?: string };
  };
}

/** As much as a grant can weigh: some forty of these fill the log that the ledger holds ready. */
const HEAVY_EVIDENCE = Object.fromEntries(
  Array.from({ length: 50 }, (_, field) => [`page${field}`, 'x'.repeat(4_000)]),
);

describe('a disk that is full', () => {
  afterEach(async () => {
    await killLaunched();
    disk.unmount();
    removeDataDirectories();
  });

  let disk: SmallDisk;
  let service: ServiceProcess;
  const start = async () => {
    service = await launchService(disk.dataDir, { env: { DISK_RESERVE_MB: RESERVE_MB } });
  };
  const grant = (phone: string, more = {}) =>
    ask(service, 'POST', `${BUSINESS}/grants`, { body: grantBody(phone, more) });
  const revoke = (phone: string) => ask(service, 'POST', `${BUSINESS}/revocations`, { body: { recipient: { phone } } });
  const stop = (phone: string) =>
    deliver(service, deliveryOf({ from: phone.slice(1), id: `wamid.full${phone}`, text: 'STOP', at: Date.now() }));
  const health = async () => {
    const response = await fetch(`${service.base}/health/ready`);
    return { ...((await response.json()) as Health), status: response.status };
  };
  const isTrue = (condition: boolean) => (condition ? true : undefined);

  const expectUnavailable = (answer: Answer) => {
    expect([answer.status, answer.body.code]).toEqual([503, 'LEDGER_UNAVAILABLE']);
    expect(answer.headers.get('retry-after')).not.toBeNull();
  };
  const expectStopped = async (phones: readonly string[]) => {
    for (const recipientId of await recipientIdsOf(service, phones)) {
      for (const purpose of ['offers', 'service']) {
        const decision = await decide(service, recipientId, { channel: 'whatsapp', purpose, consistency: 'ledger' });
        expect(decision).toMatchObject({ eligible: false, reason: 'REVOKED' });
        expect((await decide(service, recipientId, { channel: 'whatsapp', purpose })).eligible).toBe(false);
      }
    }
  };

  /** Grants of people whose keys are made already, heavy ones and then light ones, until not even those find room. */
  const fillTheLedger = async (phones: readonly string[]) => {
    for (const evidence of [HEAVY_EVIDENCE, {}]) {
      for (let round = 0; ; round++) {
        const answer = await grant(phones[round % phones.length] ?? '', { evidence });
        if (answer.status === 201) continue;
        expectUnavailable(answer);
        break;
      }
    }
  };

  /** Who could still say stop before the reserve was used up as well, and what the next one was answered. */
  const useUpTheReserve = async (phones: readonly string[]) => {
    const taken: string[] = [];
    for (;;) {
      for (const phone of phones) {
        const answer = await revoke(phone);
        if (answer.status !== 201) return { taken, answer };
        taken.push(phone);
      }
    }
  };

  onSmallDisk(
    'takes revocations out of the reserve, refuses the rest by name, and goes on when there is room',
    async () => {
      disk = SmallDisk.mount(DISK_MIB);
      await start();
      await registerAcme(service);
      const [stranger = '', writer = '', ...others] = phoneNumbers(40);
      const [known, lastOnes] = [others.slice(0, 20), others.slice(20)];
      for (const phone of [writer, ...others]) expect((await grant(phone)).status).toBe(201);

      disk.fill('filler');
      expect(await health()).toMatchObject({
        status: 503,
        dependencies: { disk: { problem: expect.stringMatching(/nearly full/) } },
      });
      expectUnavailable(await grant(stranger));
      const unsealed = await revoke(stranger);
      expect(unsealed.status).toBe(201);
      expect(unsealed.body.warnings).toEqual([{ field: 'recipient', message: expect.stringMatching(/vault/) }]);
      expect((await health()).dependencies.vault.problem).toMatch(/no space/);

      await fillTheLedger(known);
      expectUnavailable(await stop(writer));
      expect((await health()).dependencies.ledger).toMatchObject({
        reserve: 'released',
        problem: expect.stringMatching(/reserve/),
      });
      for (const phone of known) expect([(await revoke(phone)).status, phone]).toEqual([201, phone]);
      await expectStopped([stranger, writer, ...known]);

      disk.fill('rest of the reserve');
      const { taken, answer } = await useUpTheReserve(lastOnes);
      expectUnavailable(answer);
      expect(service.process.hasExited).toBe(false);
      await expectStopped([stranger, writer, ...known, ...taken]);

      disk.empty('filler');
      disk.empty('rest of the reserve');
      await until('health is well again', async () => isTrue((await health()).status === 200));
      expect((await grant('+393338888888')).status).toBe(201);
      expect((await stop(writer)).status).toBe(200);
      await expectStopped([stranger, writer, ...known, ...taken]);
      await service.process.kill('SIGKILL');
      await start();
      await expectStopped([stranger, writer, ...known, ...taken]);
      figure(`disk full: ${known.length + taken.length + 2} opt-outs kept, then 503 until there was room again`);
    },
    180_000,
  );

  onSmallDisk(
    'starts on a disk without a block to spare after a stop in good order, and takes opt-outs',
    async () => {
      disk = SmallDisk.mount(DISK_MIB);
      await start();
      await registerAcme(service);
      const [known = '', other = '', unknown = ''] = phoneNumbers(3);
      for (const phone of [known, other]) expect((await grant(phone)).status).toBe(201);
      await service.process.kill('SIGTERM');
      disk.fill('filler');

      await start();
      expect((await health()).status).toBe(503);
      for (const phone of [known, unknown]) expect([(await revoke(phone)).status, phone]).toEqual([201, phone]);
      expectUnavailable(await grant(unknown));
      await expectStopped([known, unknown]);
      disk.empty('filler');
      await until('health is well again', async () => isTrue((await health()).status === 200));
      expect((await stop(other)).status).toBe(200);
      await expectStopped([known, other, unknown]);
    },
    180_000,
  );

  /** A directory that a service ran on and left in good order, on a disk with so much room beside its reserve. */
  const leaveWithRoom = async (bytes: number, phones: readonly string[]) => {
    disk = SmallDisk.mount(DISK_MIB);
    await start();
    await registerAcme(service);
    for (const phone of phones) expect((await grant(phone)).status).toBe(201);
    await service.process.kill('SIGTERM');
    disk.fill('filler', bytes);
  };

  onSmallDisk(
    'gives up its reserve to start where there is too little room beside it, and has it back later',
    async () => {
      const [known = '', unknown = ''] = phoneNumbers(2);
      await leaveWithRoom(40 * KIBIBYTE, [known]);
      await start();
      expect((await health()).dependencies.ledger.reserve).toBe('released');
      for (const phone of [known, unknown]) expect([(await revoke(phone)).status, phone]).toEqual([201, phone]);
      await expectStopped([known, unknown]);
      disk.empty('filler');
      await until('health is well again', async () => isTrue((await health()).status === 200));
      expect((await health()).dependencies.ledger.reserve).toBe('kept');
      expect(disk.bytesOf('reserve.bin')).toBe(Number(RESERVE_MB) * KIBIBYTE * KIBIBYTE);
      expect((await grant('+393338888888')).status).toBe(201);
    },
  );

  onSmallDisk.each([2, 10, 20])('starts with %i MiB of room, and leaves some to vault and view', async (mebibytes) => {
    const [known = '', unknown = ''] = phoneNumbers(2);
    await leaveWithRoom(mebibytes * KIBIBYTE * KIBIBYTE, [known]);
    await start();
    expect((await health()).dependencies.ledger.reserve).toBe('kept');
    expect((await grant(unknown)).status).toBe(201);
    for (const phone of [known, unknown]) expect((await revoke(phone)).status).toBe(201);
    await expectStopped([known, unknown]);
  });
});
