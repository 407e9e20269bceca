import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { FULL, figure } from '../faults/full.js';
import { TcpProxy } from './proxy.js';
import { EventStoreProcess } from './server-process.js';

const RECONNECTS = FULL ? 1_000 : 60;
const WARM_UP = FULL ? 100 : 20;
/** So many reports are looked at together: a connection under way has sockets and time limits of its own. */
const TOGETHER = 10;
const MEBIBYTE = 1024 * 1024;
/** What the heap of a process may grow by that holds nothing from one connection to the next. */
const SLACK_BYTES = 6 * MEBIBYTE;

interface Report {
  readonly appended: number;
  readonly heapBytes: number;
  readonly resources: number;
}

let server: EventStoreProcess;
let proxy: TcpProxy;
let child: ChildProcess;
let directory: string;

/** Follows the ledger, appends when it is told to, and says what it holds; a rejection that nobody handles ends it. */
const PROGRAM = `
  import { randomUUID } from 'node:crypto';
  import { openEventStoreDb } from '${pathToFileURL(join(process.cwd(), 'dist/libs/event-store/index.js')).href}';
  const store = await openEventStoreDb({ url: process.argv[2] });
  const abort = new AbortController();
  const following = (async () => {
    for (let from; !abort.signal.aborted; ) {
      try {
        const start = from === undefined ? {} : { from };
        for await (const { position } of store.subscribe({ ...start, signal: abort.signal })) from = position;
      } catch (error) {
        if (error.code !== 'LEDGER_UNAVAILABLE') throw error;
      }
    }
  })();
  let appended = 0;
  const resources = () => process.getActiveResourcesInfo().filter((kind) => kind !== 'PipeWrap').length;
  process.on('message', async (word) => {
    if (word === 'end') {
      abort.abort();
      await following;
      await store.close();
      process.disconnect();
      return;
    }
    const event = { id: randomUUID(), type: 'ConsentGranted', data: Buffer.from('{}'), metadata: Buffer.from('{}') };
    await store.append('consent-' + event.id, [event], 'none', { lane: 'revocation' });
    appended += 1;
    globalThis.gc();
    process.send({ appended, heapBytes: process.memoryUsage().heapUsed, resources: resources() });
  });
  process.send('ready');
`;

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'reconnects-'));
  const program = join(directory, 'program.mjs');
  writeFileSync(program, PROGRAM);
  server = await EventStoreProcess.launch();
  proxy = await TcpProxy.before(server);
  child = fork(program, [proxy.url], { execArgv: ['--expose-gc'] });
  await once(child, 'message');
});
afterEach(async () => {
  child.kill('SIGKILL');
  await proxy.close();
  await server.remove();
  rmSync(directory, { recursive: true });
});

async function appendOne(): Promise<Report> {
  child.send('append');
  const [report] = (await once(child, 'message')) as [Report];
  return report;
}

/** What is left behind is there in every report. */
function leastOf(reports: readonly Report[]): Pick<Report, 'heapBytes' | 'resources'> {
  const least = (read: (report: Report) => number) => Math.min(...reports.map(read));
  return { heapBytes: least(({ heapBytes }) => heapBytes), resources: least(({ resources }) => resources) };
}

it(
  `${RECONNECTS} reconnects leave nothing behind, and the process ends by itself`,
  async () => {
    const reports: Report[] = [];
    for (let n = 0; n < RECONNECTS; n += 1) {
      proxy.reset();
      reports.push(await appendOne());
    }
    const before = leastOf(reports.slice(WARM_UP, WARM_UP + TOGETHER));
    const after = leastOf(reports.slice(-TOGETHER));
    expect(reports.at(-1)?.appended).toBe(RECONNECTS);
    expect(proxy.connections).toBeGreaterThanOrEqual(RECONNECTS);
    expect(proxy.open).toBeLessThanOrEqual(2);
    expect(after.heapBytes - before.heapBytes).toBeLessThan(SLACK_BYTES);
    expect(after.resources).toBeLessThanOrEqual(before.resources + 5);
    figure(
      `${proxy.connections} connections: heap ${before.heapBytes} → ${after.heapBytes} bytes, ` +
        `open resources ${before.resources} → ${after.resources}`,
    );
    const ended = once(child, 'exit');
    child.send('end');
    expect(await ended).toEqual([0, null]);
  },
  FULL ? 600_000 : 180_000,
);
