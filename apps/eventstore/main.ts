import { parseArgs } from 'node:util';
import { serveEventStore } from '#esdb-server';
import { openSqliteStore } from '#event-store';

const USAGE = 'usage: npm run eventstore -- [--port 2113] [--data ./data]';

/**
 * The embedded ledger as an EventStoreDB for development, to be written and read by any of its clients. Nobody is asked
 * who he is and nothing is encrypted, so it listens on this machine alone.
 */
async function main(): Promise<void> {
  const { port, dataDir } = readArguments();
  const store = await openSqliteStore({ dataDir });
  try {
    const listen = { host: '127.0.0.1', port };
    const server = await serveEventStore({ store, listen, writable: true, dataDir, onError: report });
    const stop = () => void server.close().then(() => store.close());
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, stop);
    process.stdout.write(`${JSON.stringify({ ready: true, port: server.port })}\n`);
  } catch (error) {
    await store.close();
    throw error;
  }
}

function readArguments(): { port: number; dataDir: string } {
  const options = { port: { type: 'string', default: '2113' }, data: { type: 'string', default: './data' } } as const;
  const { values } = given(() => parseArgs({ options }));
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error(`--port is no port\n${USAGE}`);
  return { port, dataDir: values.data };
}

function given<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${USAGE}`, { cause: error });
  }
}

function report(error: unknown): void {
  process.stderr.write(`eventstore: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
}

main().catch((error: unknown) => {
  // A refusal to start is read by a person: its message names what is wrong, and no stack helps.
  process.stderr.write(`eventstore cannot start: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
