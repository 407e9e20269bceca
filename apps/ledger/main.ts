import 'reflect-metadata';
import { existsSync } from 'node:fs';
import {
  ConfigError,
  collectGarbage,
  createLog,
  keepTickShape,
  readConfig,
  systemClock,
  type Config,
  type Log,
} from '#platform';
import { startService, type Running } from './service.js';

/** The ready line on stdout, and the signals that end the process. */
async function main(): Promise<void> {
  keepTickShape();
  if (existsSync('.env')) process.loadEnvFile('.env');
  const config = readConfig(process.env);
  const log = createLog({ level: config.logLevel });
  for (const warning of config.warnings) log.warn({ warning }, 'configuration');
  const stopping = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      stopping.abort(new Error('told to stop'));
      setTimeout(() => process.exit(1), config.limits.shutdownTimeoutMs).unref();
    });
  }
  // Told to stop while it still waits for its ledger, or for its view to catch up: that is no failure of the start.
  const whileStarting = (error: unknown) => {
    if (!stopping.signal.aborted) throw error;
    return undefined;
  };
  const running = await startService(config, { clock: systemClock, log, signal: stopping.signal }).catch(whileStarting);
  if (!running) return process.exit(0);
  onAbort(stopping.signal, () => void stop(running, log));
  const ready = await running.parts.view.whenReady().then(() => true, whileStarting);
  if (!ready) return;
  collectGarbage();
  process.stdout.write(`${JSON.stringify(readyLine(running, config.http.host))}\n`);
}

function onAbort(signal: AbortSignal, work: () => void): void {
  if (signal.aborted) work();
  else signal.addEventListener('abort', work, { once: true });
}

function readyLine({ parts, ports, adminKeyFile, esdbCaFile }: Running, host: string) {
  return {
    ready: true,
    http: `http://${host}:${ports.http}`,
    ports,
    ...(esdbCaFile === undefined ? {} : { esdbCaFile }),
    ...(adminKeyFile === undefined ? {} : { adminKeyFile }),
    roles: parts.config.roles,
    relay: parts.relay ? 'on' : `off: ${whyNoRelay(parts.config)}`,
  };
}

function whyNoRelay({ kafka }: Config): string {
  return kafka === undefined ? 'KAFKA_BROKERS is not set' : 'ROLES leaves it out';
}

async function stop(running: Running, log: Log): Promise<void> {
  log.info({}, 'stopping');
  await running.close();
  process.exit(0);
}

main().catch((error: unknown) => {
  // A refusal to start is read by a person: its message names what is wrong and the remedy, and no stack helps.
  const text = error instanceof ConfigError || error instanceof Error ? error.message : String(error);
  process.stderr.write(`consent-ledger cannot start: ${text}\n`);
  process.exit(1);
});
