import { spawn } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

export interface Ran {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** What comes on standard input, which then ends. */
  readonly input?: string;
}

/** Starts the built tool with nothing of this process's environment but the path. */
export function startAudit(args: readonly string[], { env = {} }: Pick<RunOptions, 'env'> = {}) {
  const program = join(process.cwd(), 'dist', 'apps', 'audit', 'main.js');
  // A directory without an .env, which the program would read.
  const child = spawn(process.execPath, [program, ...args], { cwd: tmpdir(), env: { PATH: process.env.PATH, ...env } });
  child.stdin.on('error', () => undefined);
  const ended = new Promise<Pick<Ran, 'code' | 'signal'>>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal }));
  });
  return { child, ended };
}

/** Runs the tool to its end. */
export async function audit(args: readonly string[], { input = '', ...options }: RunOptions = {}): Promise<Ran> {
  const { child, ended } = startAudit(args, options);
  const [stdout, stderr] = [textOf(child.stdout), textOf(child.stderr)];
  child.stdin.end(input);
  const { code, signal } = await ended;
  return { code, signal, stdout: await stdout, stderr: await stderr };
}

export async function textOf(stream: Readable): Promise<string> {
  let text = '';
  for await (const chunk of stream.setEncoding('utf8')) text += chunk;
  return text;
}

/** What each line of NDJSON says. */
export function linesOf<T = Readonly<Record<string, unknown>>>(ndjson: string): readonly T[] {
  const lines = ndjson.split('\n');
  if (lines.pop() !== '') throw new Error('the last line has no end');
  return lines.map((line) => JSON.parse(line) as T);
}
