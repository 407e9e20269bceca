import { parseArgs } from 'node:util';
import { serveEventStore } from '#esdb-server';
import { openSqliteStore } from '#event-store';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '2113' },
    host: { type: 'string', default: '127.0.0.1' },
    data: { type: 'string', default: './data' },
  },
});

const store = await openSqliteStore({ dataDir: values.data });
const listen = { host: values.host, port: Number(values.port) };
const server = await serveEventStore({ store, listen, writable: true, dataDir: values.data });
process.stdout.write(`${JSON.stringify({ ready: true, port: server.port })}\n`);

const stop = async () => {
  await server.close();
  await store.close();
};
process.once('SIGTERM', () => void stop());
process.once('SIGINT', () => void stop());
