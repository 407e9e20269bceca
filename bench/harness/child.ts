import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
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
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly nodeArgs?: readonly string[];
}

/** Starts a program that says on stdout, in one line of JSON, that it is ready, and answers with that line. */
export async function startServer(
  program: string,
  options: ProgramOptions,
): Promise<Child & { readonly ready: unknown }> {
  const child = start(program, options);
  const lines = createInterface({ input: child.stdout });
  const [first] = (await Promise.race([once(lines, 'line'), failure(child)])) as [string];
  return { pid: pidOf(child), ready: JSON.parse(first), stop: () => stop(child) };
}

export interface Run {
  readonly child: { readonly pid: number };
  /** What it printed, once it has ended well. */
  readonly output: Promise<string>;
}

/** Runs a program to its end. */
export function run(program: string, options: ProgramOptions): Run {
  const child = start(program, options);
  return { child: { pid: pidOf(child) }, output: outputOf(child) };
}

/** Starts one of our own helpers, hands it `message` and answers with the first thing that it says. */
export async function startHelper(program: string, message: unknown): Promise<Child & { readonly said: unknown }> {
  const child = fork(program, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  child.send(message as object);
  const [said] = (await Promise.race([once(child, 'message'), failure(child)])) as [unknown];
  return { pid: pidOf(child), said, stop: () => stop(child) };
}

function start(program: string, { args = [], env = {}, nodeArgs = [] }: ProgramOptions) {
  const child = spawn(process.execPath, [...nodeArgs, program, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return child;
}

async function outputOf(child: ChildProcess & { readonly stdout: NodeJS.ReadableStream }): Promise<string> {
  const chunks: string[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk.toString()));
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
