import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { removePostgresServers, startPostgres, type PostgresServer } from '../../test/postgres/server.js';
import { killedWithThisProcess } from '../../test/support/watchdog.js';
import { LockElection, type LockTerm } from './lock-election.js';
import { openPostgres, type Postgres } from './postgres.js';

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
}, 120_000);
afterAll(() => removePostgresServers());

const opened: Postgres[] = [];
const standing = new AbortController();
function open(): Postgres {
  const postgres = openPostgres({ url: server.url });
  opened.push(postgres);
  return postgres;
}
afterEach(async () => {
  await Promise.all(opened.splice(0).map((postgres) => postgres.close()));
});

const over = ({ over: signal }: LockTerm) =>
  new Promise<void>((resolve) => (signal.aborted ? resolve() : signal.addEventListener('abort', () => resolve())));

const STANDING = join(process.cwd(), 'dist', 'test', 'postgres', 'standing-main.js');
/** Stands in a process of its own. */
function standElsewhere(leaseMs: number) {
  const args = [STANDING, server.url, 'work', String(leaseMs)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  if (child.pid !== undefined) killedWithThisProcess(child, child.pid);
  return child;
}

describe('standing for a lock', () => {
  it('chooses one, and the next when that one resigns', async () => {
    const { signal } = standing;
    const first = await new LockElection(open(), 'work').stand(signal);
    let isChosen = false;
    const next = new LockElection(open(), 'work').stand(signal).then((term) => ((isChosen = true), term));
    await (await new LockElection(open(), 'other work').stand(signal)).resign();
    expect([isChosen, first.over.aborted]).toStrictEqual([false, false]);
    await first.resign();
    expect(first.over.aborted).toBe(true);
    await (await next).resign();
  });

  it('ends with the session, whoever ends it, and another is chosen', async () => {
    const { signal } = standing;
    const first = await new LockElection(open(), 'work').stand(signal);
    const next = new LockElection(open(), 'work').stand(signal);
    // The session that holds the lock, as if its process had been killed.
    await server.asRoot('consent', [
      `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted`,
    ]);
    await over(first);
    await (await next).resign();
    await first.resign();
  });

  it('waits for a server that is away, and gives up when it is told to', async () => {
    await server.stop();
    const stop = new AbortController();
    const given = new LockElection(open(), 'work').stand(stop.signal);
    const waiting = new LockElection(open(), 'work').stand(standing.signal);
    stop.abort();
    await expect(given).rejects.toThrow();
    await server.start();
    await (await waiting).resign();
  });

  it('chooses another once the one chosen was stopped for a lease, who learns of it when it goes on', async () => {
    const leaseMs = 1_000;
    const first = standElsewhere(leaseMs);
    await once(first.stdout, 'data');
    const said = once(first.stdout, 'data');
    first.kill('SIGSTOP');
    const beganMs = performance.now();
    const term = await new LockElection(open(), 'work', { leaseMs }).stand(AbortSignal.timeout(60_000));
    expect(performance.now() - beganMs).toBeGreaterThan(leaseMs / 2);
    first.kill('SIGCONT');
    expect(String(await said)).toBe('over\n');
    await once(first, 'exit');
    await term.resign();
  });

  it('leaves one alone that lives, for longer than a lease', async () => {
    const leaseMs = 2_000;
    const first = await new LockElection(open(), 'work', { leaseMs }).stand(standing.signal);
    const given = new LockElection(open(), 'work', { leaseMs }).stand(AbortSignal.timeout(2.5 * leaseMs));
    await expect(given).rejects.toThrow();
    expect(first.over.aborted).toBe(false);
    await first.resign();
  });

  it('is over for one that a server does not answer any more', async () => {
    const first = await new LockElection(open(), 'work', { leaseMs: 500 }).stand(standing.signal);
    server.pause();
    try {
      await over(first);
    } finally {
      server.resume();
    }
  });
});
