import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { programOf, startServer, type Child } from '../harness/child.js';
import { BUSINESS, DISCLOSURE, SENDER, TOPIC } from './people.js';

export interface Service extends Child {
  readonly port: number;
  readonly grpcPort: number;
}

export interface ServiceOptions {
  /** Where the process writes a `.cpuprofile` when it stops. */
  readonly profileDir?: string;
  /** How many recipients' rows it keeps in memory; as many as by default where nothing is said. */
  readonly cachedRows?: number;
  readonly env?: Readonly<Record<string, string>>;
}

/** Those of `npm start`, and of the image. */
export const NODE_FLAGS: readonly string[] = ['--enable-source-maps', '--max-semi-space-size=32'];

/** The service itself, as `npm start` runs it, on free ports. Its log is silent below warnings, as in production. */
export async function startService(
  dataDir: string,
  { profileDir, cachedRows, env = {} }: ServiceOptions = {},
): Promise<Service> {
  const { pid, ready, stop } = await startServer(programOf('apps/ledger/main.js'), {
    env: {
      DATA_DIR: dataDir,
      PORT: '0',
      METRICS_PORT: '0',
      GRPC_PORT: '0',
      LOG_LEVEL: 'warn',
      DISK_RESERVE_MB: '1',
      ...(cachedRows === undefined ? {} : { VIEW_CACHE_ENTRIES: String(cachedRows), VIEW_CACHE_MB: '0' }),
      ...env,
    },
    nodeArgs: [...NODE_FLAGS, ...profileArgs(profileDir)],
  });
  const { ports } = ready as { readonly ports: { readonly http: number; readonly grpc: number } };
  return { pid, stop, port: ports.http, grpcPort: ports.grpc };
}

/** Node writes the profile when the process stops. */
export function profileArgs(profileDir: string | undefined): readonly string[] {
  return profileDir === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profileDir}`];
}

/**
 * Lets the service itself make its data directory, with secrets, register and all, and stops it again: what is seeded
 * afterwards stands on the same ground as in production. Answers a key of the business for checks and opt-outs.
 */
export async function found(dataDir: string): Promise<string> {
  const service = await startService(dataDir);
  try {
    const adminKey = readFileSync(join(dataDir, 'admin.key'), 'utf8').trim();
    return await register(`http://127.0.0.1:${service.port}/v1/businesses/${BUSINESS}`, adminKey);
  } finally {
    await service.stop();
  }
}

async function register(business: string, adminKey: string): Promise<string> {
  const send = (method: string, path: string, body: unknown) => sendJson(method, business + path, adminKey, body);
  await send('PUT', '', { legalName: 'Acme S.p.A.', displayName: 'Acme', defaultRegion: 'IT' });
  await send('PUT', `/purposes/${TOPIC.purpose}`, { category: 'marketing', title: 'Offers' });
  const address = { provider: 'whatsapp_cloud', address: '+39021234567', providerId: '106540352242922' };
  await send('PUT', `/senders/${SENDER}`, { channel: TOPIC.channel, ...address });
  await send('POST', `/disclosures/${DISCLOSURE.id}/versions`, {
    text: 'Acme may send me offers on WhatsApp, about twice a month. Reply STOP at any time, free of charge.',
    locale: 'en',
    channels: [TOPIC.channel],
    purposes: [TOPIC.purpose],
  });
  const scopes = ['eligibility:read', 'consent:write'];
  const { secret } = (await send('POST', '/keys', { name: 'bench', scopes })) as { secret: string };
  return secret;
}

async function sendJson(method: string, url: string, key: string, body: unknown): Promise<unknown> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
  const response = await fetch(url, { method, headers, body: JSON.stringify(body) });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${url} answered ${response.status}: ${text}`);
  return JSON.parse(text);
}
