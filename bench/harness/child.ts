import { fork, spawn, type ChildProcess, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';

/** A program of the build, by its path from the root of the project. */
export function programOf(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url));
}

export interface Child {
  readonly pid: number;
  /** Sends SIGTERM and waits for the end; rejects where the process does not end well. */
  readonly stop: () => Promise<void>;
}

export interface ProgramOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly nodeArgs?: readonly string[];
  /** Of the program itself. */
  readonly args?: readonly string[];
}

/** Starts a program that says on stdout, in a line of JSON, that it is `ready`, and answers with that line. */
export async function startServer(
  program: string,
  options: ProgramOptions,
): Promise<Child & { readonly ready: unknown }> {
  const child = start(program, options);
  child.stderr.pipe(process.stderr);
  const ready = await Promise.race([readyLine(child.stdout), failure(child)]);
  return { pid: pidOf(child), ready, stop: () => stop(child) };
}

/** Lines of the log may come before it. What comes after it is read and dropped, or the pipe would fill. */
function readyLine(stdout: Readable): Promise<unknown> {
  return new Promise((resolve) => {
    createInterface({ input: stdout }).on('line', (line) => {
      if (!line.startsWith('{"ready":true')) return;
      resolve(JSON.parse(line));
    });
  });
}

export interface Run {
  readonly child: { readonly pid: number };
  /** What it printed, on stdout and stderr, once it has ended well. */
  readonly output: Promise<string>;
}

/** Runs a program to its end; what it says on stderr is shown only where it fails. */
export function run(program: string, options: ProgramOptions): Run {
  const child = start(program, options);
  return { child: { pid: pidOf(child) }, output: outputOf(child) };
}

/**
 * Starts one of our own helpers, hands it `message` and answers with the first thing that it says. `onStart` may look
 * at the process meanwhile.
 */
export async function startHelper(
  program: string,
  message: unknown,
  onStart: (pid: number) => void = () => undefined,
): Promise<Child & { readonly said: unknown }> {
  const child = fork(program, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  onStart(pidOf(child));
  child.send(message as object);
  const [said] = (await Promise.race([once(child, 'message'), failure(child)])) as [unknown];
  return { pid: pidOf(child), said, stop: () => stop(child) };
}

function start(
  program: string,
  { env = {}, nodeArgs = [], args = [] }: ProgramOptions,
): ChildProcessByStdio<null, Readable, Readable> {
  return spawn(process.execPath, [...nodeArgs, program, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function outputOf(child: ChildProcessByStdio<null, Readable, Readable>): Promise<string> {
  const chunks: string[] = [];
  const keep = (chunk: Buffer) => chunks.push(chunk.toString());
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`a program ended with ${code}: ${chunks.join('')}`);
  return chunks.join('');
}

async function failure(child: ChildProcess): Promise<never> {
  const [code] = (await once(child, 'exit')) as [number | null];
  throw new Error(`a program that was to keep running ended with ${code}`);
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const [code, signal] = (await ended) as [number | null, string | null];
  if (code !== 0 && signal !== 'SIGTERM') throw new Error(`a server ended with ${code ?? signal}`);
}

function pidOf({ pid }: ChildProcess): number {
  if (pid === undefined) throw new Error('a program could not be started');
  return pid;
}
