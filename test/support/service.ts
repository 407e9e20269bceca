import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { SettableClock, createLog, readConfig, type Clock } from '#platform';
import { startService, type Running } from '../../apps/ledger/service.js';

export const APP_SECRET = 'test-app-secret';
export const VERIFY_TOKEN = 'test-verify-token';
export const PHONE_NUMBER_ID = '106540352242922';

export interface TestService {
  readonly running: Running;
  readonly base: string;
  readonly metricsBase: string;
  readonly adminKey: string;
  readonly dataDir: string;
  /** Everything that was logged so far, as it was written. */
  log(): string;
  /** Closes the service and starts it anew on the same data directory. */
  restart(): Promise<TestService>;
  /** Closes the service and removes its data. */
  stop(): Promise<void>;
}

/** The real service in this process: real disk, real HTTP on a free port. Only the clock may be the test's own. */
export async function startTestService(
  options: { clock?: Clock; env?: Readonly<Record<string, string>>; dataDir?: string } = {},
): Promise<TestService> {
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), 'consent-ledger-test-'));
  const config = readConfig({ ...baseEnv(dataDir), ...options.env });
  const lines: string[] = [];
  const destination = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      lines.push(chunk.toString());
      done();
    },
  });
  const clock = options.clock ?? new SettableClock(Date.now());
  const running = await startService(config, { clock, log: createLog({ level: 'debug', destination }) });
  await running.parts.view.whenReady();
  return {
    running,
    base: `http://127.0.0.1:${running.ports.http}`,
    metricsBase: `http://127.0.0.1:${running.ports.metrics}`,
    adminKey: options.env?.ADMIN_KEY ?? readFileSync(join(dataDir, 'admin.key'), 'utf8').trim(),
    dataDir,
    log: () => lines.join(''),
    restart: async () => {
      await running.close();
      return startTestService({ ...options, dataDir });
    },
    stop: async () => {
      await running.close();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

export function baseEnv(dataDir: string): Record<string, string> {
  return {
    DATA_DIR: dataDir,
    PORT: '0',
    METRICS_PORT: '0',
    GRPC_PORT: '0',
    DISK_RESERVE_MB: '1',
    WHATSAPP_APP_SECRET: APP_SECRET,
    WHATSAPP_VERIFY_TOKEN: VERIFY_TOKEN,
  };
}
