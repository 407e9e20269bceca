import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { baseEnv } from './service.js';

export type Environment = Readonly<Record<string, string>>;

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface LaunchOptions {
  readonly env?: Environment;
  /** An unprivileged user to run as, for what the superuser may always do. */
  readonly uid?: number;
  /** Of the built programs under `dist/apps/ledger/`. */
  readonly program?: 'main.js' | 'view-rebuild.js';
}

/** How long a start, or an end, may take before the test gives up on it. */
const PATIENCE_MS = 60_000;

const running = new Set<ProgramProcess>();

/** One of the built programs as a process of its own, with nothing of this process's environment but the path. */
export class ProgramProcess {
  readonly exited: Promise<Exit>;
  private readonly child: ChildProcessByStdio<null, Readable, Readable>;
  private out = '';
  private err = '';
  private readonly hearers = new Set<() => void>();

  constructor({ env = {}, uid, program = 'main.js' }: LaunchOptions) {
    const file = join(process.cwd(), 'dist', 'apps', 'ledger', program);
    this.child = spawn(process.execPath, [file], {
      // A directory without an .env, which the program would read.
      cwd: tmpdir(),
      env: { PATH: process.env.PATH, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(uid === undefined ? {} : { uid, gid: uid }),
    });
    this.child.stdout.setEncoding('utf8').on('data', (text: string) => this.hear(() => (this.out += text)));
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => this.hear(() => (this.err += text)));
    running.add(this);
    this.exited = new Promise((resolve) => {
      const end = (exit: Exit) => {
        running.delete(this);
        this.hear(() => resolve(exit));
      };
      this.child.on('error', (error) => {
        this.err += error.message;
        end({ code: null, signal: null });
      });
      this.child.on('close', (code, signal) => end({ code, signal }));
    });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  get stdout(): string {
    return this.out;
  }

  get stderr(): string {
    return this.err;
  }

  get hasExited(): boolean {
    return !running.has(this);
  }

  /** Sends the signal and resolves once the process is gone. */
  async kill(signal: NodeJS.Signals): Promise<Exit> {
    this.child.kill(signal);
    return within(this.exited, 'the process did not end', () => this.err);
  }

  /** It stands still until `resume`, and does not know. */
  pause(): void {
    this.child.kill('SIGSTOP');
  }

  resume(): void {
    this.child.kill('SIGCONT');
  }

  /** Resolves with a line of stdout that begins so, or with undefined where the process ends without having said it. */
  async line(beginning: string): Promise<string | undefined> {
    for (;;) {
      const found = this.out.split('\n').find((line) => line.startsWith(beginning));
      if (found !== undefined || this.hasExited) return found;
      await new Promise<void>((resolve) => this.hearers.add(resolve));
    }
  }

  private hear(change: () => void): void {
    change();
    const waiting = [...this.hearers];
    this.hearers.clear();
    for (const resume of waiting) resume();
  }
}

/** The service as a process of its own, ready to answer. */
export interface ServiceProcess {
  readonly process: ProgramProcess;
  readonly base: string;
  readonly ports: { readonly grpc: number };
  readonly adminKey: string;
  readonly dataDir: string;
}

/** Starts the service over a data directory; rejects with what it wrote to stderr where it does not become ready. */
export async function launchService(
  dataDir: string,
  options: Omit<LaunchOptions, 'program'> = {},
): Promise<ServiceProcess> {
  const service = new ProgramProcess({ ...options, env: { ...baseEnv(dataDir), LOG_LEVEL: 'warn', ...options.env } });
  const line = await within(service.line('{"ready":true'), 'the service did not become ready', () => service.stderr);
  if (line === undefined) throw new Error(`the service did not start: ${service.stderr}`);
  const { http, ports } = JSON.parse(line) as { readonly http: string; readonly ports: { readonly grpc: number } };
  return {
    process: service,
    base: http,
    ports,
    adminKey: readFileSync(join(dataDir, 'admin.key'), 'utf8').trim(),
    dataDir,
  };
}

export interface RefusedStart extends Exit {
  readonly stderr: string;
  readonly stdout: string;
}

/** Starts the service where it must not start: resolves with how it ended, rejects where it becomes ready. */
export async function launchRefused(dataDir: string, options: LaunchOptions = {}): Promise<RefusedStart> {
  const service = new ProgramProcess({ ...options, env: { ...baseEnv(dataDir), ...options.env } });
  const line = await within(service.line('{"ready":true'), 'the refusal did not come', () => service.stderr);
  if (line !== undefined) {
    await service.kill('SIGKILL');
    throw new Error('the service started where it had to refuse');
  }
  return { ...(await service.exited), stderr: service.stderr, stdout: service.stdout };
}

/** For `afterEach`: no process outlives its test. */
export async function killLaunched(): Promise<void> {
  await Promise.all([...running].map((one) => one.kill('SIGKILL')));
}

async function within<T>(promise: Promise<T>, otherwise: string, detail: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const overdue = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${otherwise} in ${PATIENCE_MS} ms: ${detail()}`)), PATIENCE_MS);
  });
  try {
    return await Promise.race([promise, overdue]);
  } finally {
    clearTimeout(timer);
  }
}
