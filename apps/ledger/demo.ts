import { createHmac } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import 'reflect-metadata';
import { createLog, readConfig, systemClock } from '#platform';
import { startService } from './service.js';

/** The whole story in a minute over a throw-away data directory: every request and answer is printed. */
const APP_SECRET = 'demo-app-secret';
const PHONE = '+393331234567';
const PHONE_NUMBER_ID = '106540352242922';

interface Asked {
  readonly title: string;
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

type Answer = Readonly<Record<string, unknown>>;

async function demo(): Promise<void> {
  const dataDir = await mkdtemp(join(tmpdir(), 'consent-ledger-demo-'));
  const env = {
    DATA_DIR: dataDir,
    PORT: '0',
    METRICS_PORT: '0',
    GRPC_PORT: '0',
    WHATSAPP_APP_SECRET: APP_SECRET,
    DISK_RESERVE_MB: '1',
  };
  const running = await startService(readConfig(env), { clock: systemClock, log: createLog({ level: 'silent' }) });
  try {
    await running.parts.view.whenReady();
    const adminKey = readFileSync(join(dataDir, 'admin.key'), 'utf8').trim();
    await tell(`http://127.0.0.1:${running.ports.http}`, adminKey);
  } finally {
    await running.close();
    await rm(dataDir, { recursive: true, force: true });
  }
}

async function tell(base: string, adminKey: string): Promise<void> {
  const ask = (asked: Asked) => askAndPrint(base, adminKey, asked);
  await register(ask);
  const recipient = { phone: PHONE };
  const check = (title: string, purpose: string, atLeast?: unknown) =>
    ask({
      title,
      method: 'POST',
      path: '/v1/businesses/acme/eligibility',
      body: { recipient, channel: 'whatsapp', purpose, atLeast },
    });
  await check('Nothing is known yet', 'offers');
  await ask({ title: 'The person opts in on a web form', ...grant(recipient) });
  const consented = await check('Now the business may write', 'offers');
  await ask({ title: 'The person sends STOP on WhatsApp', ...webhook('STOP', 'wamid.demo-stop') });
  await check('Offers are over', 'offers', consented.position);
  await check('One confirmation may go out', 'opt_out_confirmation');
  await ask({
    title: 'A moment later the person asks something',
    ...webhook('Are you open on Sunday?', 'wamid.demo-ask', 2),
  });
  await check('A reply is allowed for 24 hours', 'service');
  await check('Marketing is not', 'offers');
  const path = `/v1/businesses/acme/recipients/${String(consented.recipientId)}/timeline`;
  await ask({ title: 'The whole story, as an auditor reads it', method: 'GET', path });
}

async function register(ask: (asked: Asked) => Promise<Answer>): Promise<void> {
  const acme = '/v1/businesses/acme';
  const put = (title: string, path: string, body: unknown) => ask({ title, method: 'PUT', path, body });
  await put('A business', acme, { legalName: 'Acme S.p.A.', displayName: 'Acme', defaultRegion: 'IT' });
  await put('A purpose', `${acme}/purposes/offers`, { category: 'marketing', title: 'Offers' });
  await put('A sender', `${acme}/senders/main`, {
    channel: 'whatsapp',
    provider: 'whatsapp_cloud',
    address: '+39021234567',
    providerId: PHONE_NUMBER_ID,
  });
  const text = 'Acme may send me offers on WhatsApp, about twice a month. Reply STOP at any time, free of charge.';
  const body = { text, locale: 'en', channels: ['whatsapp'], purposes: ['offers'] };
  await ask({ title: 'The wording people see', method: 'POST', path: `${acme}/disclosures/web/versions`, body });
}

function grant(recipient: unknown) {
  return {
    method: 'POST',
    path: '/v1/businesses/acme/grants',
    headers: { 'Idempotency-Key': 'signup-1' },
    body: {
      recipient,
      channels: ['whatsapp'],
      purposes: ['offers'],
      method: 'web_form',
      disclosure: { id: 'web', version: 1 },
      evidence: { form: 'signup-2026', page: 'https://example.com/signup' },
    },
  };
}

/** A delivery as Meta signs it. `laterSeconds` moves the message past the second in which the STOP was written. */
function webhook(text: string, id: string, laterSeconds = 0) {
  const timestamp = String(Math.floor(Date.now() / 1_000) + laterSeconds);
  const message = { from: PHONE.slice(1), id, timestamp, type: 'text', text: { body: text } };
  const value = { messaging_product: 'whatsapp', metadata: { phone_number_id: PHONE_NUMBER_ID }, messages: [message] };
  const body = { object: 'whatsapp_business_account', entry: [{ id: '1', changes: [{ field: 'messages', value }] }] };
  const signature = createHmac('sha256', APP_SECRET).update(JSON.stringify(body)).digest('hex');
  return {
    method: 'POST',
    path: '/webhooks/whatsapp',
    body,
    headers: { 'X-Hub-Signature-256': `sha256=${signature}` },
  };
}

async function askAndPrint(base: string, adminKey: string, asked: Asked): Promise<Answer> {
  const { title, method, path, body, headers } = asked;
  const response = await fetch(base + path, {
    method,
    headers: {
      authorization: `Bearer ${adminKey}`,
      ...(body ? { 'content-type': 'application/json' } : {}),
      ...headers,
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  const answer = (await response.json()) as Answer;
  print(`\n${title}\n  ${method} ${path}`);
  if (body) print(indent(body));
  print(`  → ${response.status}`);
  print(indent(answer));
  if (!response.ok) throw new Error(`the demo expected success from ${method} ${path}`);
  return answer;
}

function indent(value: unknown): string {
  return JSON.stringify(value, null, 2).replaceAll(/^/gm, '    ');
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

await demo();
