import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

const PROGRAM = join(process.cwd(), 'dist', 'apps', 'eventstore', 'main.js');

type Child = ChildProcessByStdio<null, Readable, Readable>;

/** `npm run eventstore` as a process of its own, on a directory and, once started, a port that it keeps. */
export class EventStoreProcess {
  private child: Child | undefined;
  private errors = '';
  readonly dataDir = mkdtempSync(join(tmpdir(), 'eventstore-'));
  port = 0;

  static async launch(): Promise<EventStoreProcess> {
    const server = new EventStoreProcess();
    await server.start();
    return server;
  }

  get url(): string {
    return `esdb://127.0.0.1:${this.port}?tls=false`;
  }

  get stderr(): string {
    return this.errors;
  }

  async start(): Promise<void> {
    const child = spawn(process.execPath, [PROGRAM, '--port', String(this.port), '--data', this.dataDir], {
      cwd: tmpdir(),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.errors += text));
    this.port = await this.readyPort(child);
  }

  /** Resolves once the process is gone. */
  async stop(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await gone;
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.dataDir, { recursive: true, force: true });
  }

  private readyPort(child: Child): Promise<number> {
    return new Promise((resolve, reject) => {
      let said = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        said += text;
        const line = said.split('\n').find((one) => one.includes('"ready":true'));
        if (line) resolve((JSON.parse(line) as { port: number }).port);
      });
      child.once('error', reject);
      child.once('exit', () => reject(new Error(`the server ended before it was ready: ${this.errors}`)));
    });
  }
}
