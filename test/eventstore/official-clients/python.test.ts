import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { openOwnCertificate, serveEventStore } from '#esdb-server';
import { openSqliteStore } from '#event-store';
import { EventStoreProcess } from '../server-process.js';
import { preparePythonClient, runScript } from './python-client.js';

const python = preparePythonClient();
const interpreter = 'interpreter' in python ? python.interpreter : '';
if ('missing' in python)
  process.stdout.write(`the official Python client is not driven, for want of ${python.missing}\n`);

const drive = interpreter === '' ? it.skip : it;

describe('the official Python client', () => {
  drive('finds everything it needs at npm run eventstore', async () => {
    const server = await EventStoreProcess.launch();
    try {
      const { code, output } = await runScript(interpreter, 'drive.py', [server.url]);
      expect({ code, wrong: code === 0 ? '' : output }).toEqual({ code: 0, wrong: '' });
      expect(output.trim().split('\n').at(-1)).toBe('right: persistent subscriptions');
      expect(server.stderr).toBe('');
    } finally {
      await server.remove();
    }
  });

  drive('reads a read-only server over TLS with a password', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'eventstore-'));
    const store = await openSqliteStore({ dataDir, diskReserveMb: 1 });
    const id = '00000000-0000-4000-8000-000000000001';
    const event = { id, type: 'ConsentGranted', data: Buffer.from('{}'), metadata: Buffer.from('{}') };
    await store.append('consent-1', [event], 'none');
    const tls = await openOwnCertificate({ dataDir, now: new Date() });
    const authorize = async (user: string, password: string) => user === 'auditor' && password === 'secret';
    const listen = { host: '127.0.0.1', port: 0 };
    const server = await serveEventStore({ store, listen, writable: false, tls, authorize });
    const url = `esdb://auditor:secret@localhost:${server.port}?tls=true`;
    const { code, output } = await runScript(interpreter, 'read_only.py', [url, tls.caFile]);
    expect({ code, output }).toEqual({ code: 0, output: 'right: 1 events\nright: access denied\n' });
    await server.close();
    await store.close();
    rmSync(dataDir, { recursive: true });
  });
});
