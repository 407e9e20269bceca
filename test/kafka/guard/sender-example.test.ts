import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { cp, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { until } from '../../faults/until.js';
import { complaintsAbout, installPacked, ROOT } from '../../support/packed.js';
import { startBroker, stopBrokers, type Broker } from '../broker.js';
import { BUSINESS, TopicScene } from './scene.js';

const TEST_MS = 120_000;
const PACKAGE = { lib: 'sender-guard', name: '@consent-ledger/sender-guard', dependencies: ['kafkajs'] };

const KEY = randomBytes(32);
const idOf = (phone: string) =>
  createHmac('sha256', KEY)
    .update(`phone:${phone.slice(1)}`)
    .digest('base64url');
const [WILLING, STOPPED, STRANGER] = ['+39021234567', '+39021234568', '+39021234569'] as const;

let dir: string;
let home: string;
let broker: Broker;
let scene: TopicScene;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'sender-'));
  broker = await startBroker();
  scene = await TopicScene.open(broker);
  await scene.createTopics();
  await scene.register();
  for (const phone of [WILLING, STOPPED]) {
    const grant = { channels: ['whatsapp'], purposes: ['offers'], method: 'api' } as const;
    scene.append(idOf(phone), 'ConsentGranted', { ...grant, occurredAt: '2026-01-01T00:00:00.000Z' });
    await scene.tellState(idOf(phone));
  }
  const stop = { channels: ['*'], purposes: [], categories: ['*'], method: 'api' } as const;
  const occurredAt = '2026-02-01T00:00:00.000Z';
  await scene.tellOptOut(scene.append(idOf(STOPPED), 'ConsentRevoked', { ...stop, occurredAt }));
  scene.keepProving();
  home = await installPacked(dir, PACKAGE);
  await cp(join(ROOT, 'docs/examples/sender/sender.mjs'), join(dir, 'sender.mjs'));
}, TEST_MS);

afterAll(async () => {
  await scene.close();
  await stopBrokers();
  await rm(dir, { recursive: true, force: true });
}, TEST_MS);

function startSender(): { readonly sender: ChildProcessWithoutNullStreams; readonly said: () => readonly unknown[] } {
  const env = { ...process.env, KAFKA_BROKERS: broker.brokers.join(','), RECIPIENT_KEY: KEY.toString('base64') };
  const sender = spawn(process.execPath, [join(dir, 'sender.mjs')], { env, cwd: dir });
  let out = '';
  sender.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  sender.stderr.pipe(process.stderr);
  const said = () =>
    out
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as unknown);
  return { sender, said };
}

const message = (phone: string) =>
  `${JSON.stringify({ businessId: BUSINESS, phone, channel: 'whatsapp', purpose: 'offers', text: 'Hello' })}\n`;

describe('the package of the guard', () => {
  test('depends on kafkajs alone and holds what the guard reaches, with its types', async () => {
    const manifest = JSON.parse(await readFile(join(home, 'package.json'), 'utf8')) as { dependencies: object };
    expect(Object.keys(manifest.dependencies)).toEqual(['kafkajs']);
    const files = await readdir(home, { recursive: true });
    expect(files).toContain('libs/sender-guard/index.d.ts');
    expect(files.filter((file) => /test|random-ledger|contract\.js|package\/(main|plan)/.test(file))).toEqual([]);
    expect((await readdir(join(home, 'libs'))).sort()).toEqual([
      ...['consent', 'contracts', 'kafkajs-mends', 'packed', 'sender-guard'],
    ]);
  });
});

test(
  'the package compiles into a program of somebody who has none of our settings',
  async () => {
    const program = `
      import { ledgerOver, recipientId, startGuard, type GuardDecision } from '@consent-ledger/sender-guard';
      const sasl = { mechanism: 'scram-sha-512', username: 'sender', password: 'secret' } as const;
      const askLedger = ledgerOver({ url: 'https://ledger.example', apiKey: 'key' });
      const guard = startGuard({ brokers: ['kafka:9092'], tls: true, sasl, askLedger });
      const who = recipientId({ key: new Uint8Array(32), phone: '+39021234567' });
      const question = { businessId: 'acme', recipientId: who, channel: 'whatsapp', purpose: 'offers' };
      const decision: GuardDecision = guard.check(question);
      guard.on('optOut', async ({ channels }) => console.log(channels, decision.reason));
      // @ts-expect-error an address is needed
      recipientId({ key: new Uint8Array(32) });
    `;
    expect(await complaintsAbout(dir, program)).toBe('');
  },
  TEST_MS,
);

describe('the sender of the documentation', () => {
  test(
    'sends to who agreed, holds back who stopped and whom nobody knows, and ends with its list',
    async () => {
      const { sender, said } = startSender();
      const ended = once(sender, 'exit');
      sender.stdin.end(`${message(WILLING)}${message(STOPPED)}no JSON\n${message('021')}${message(STRANGER)}`);
      await expect(ended).resolves.toEqual([0, null]);
      expect(said()).toEqual([
        { guard: 'LIVE', before: 'LOADING' },
        { sent: idOf(WILLING), channel: 'whatsapp', purpose: 'offers' },
        { held: idOf(STOPPED), reason: 'REVOKED' },
        { skipped: 'NOT_JSON' },
        { skipped: 'ADDRESS_INVALID' },
        { held: idOf(STRANGER), reason: 'RECIPIENT_UNKNOWN' },
        { guard: 'CLOSED', before: 'LIVE' },
      ]);
    },
    TEST_MS,
  );

  test(
    'ends on SIGTERM, also while its list goes on',
    async () => {
      const { sender, said } = startSender();
      const ended = once(sender, 'exit');
      sender.stdin.write(message(WILLING));
      await until('the first message is sent', () => said().some((one) => 'sent' in (one as object)) || undefined);
      sender.kill('SIGTERM');
      await expect(ended).resolves.toEqual([0, null]);
      expect(said().at(-1)).toEqual({ guard: 'CLOSED', before: 'LIVE' });
    },
    TEST_MS,
  );
});
