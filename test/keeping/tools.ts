import { spawn, type ChildProcess } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type Tool = 'ledger-copy' | 'backup' | 'restore';

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunningTool {
  readonly child: ChildProcess;
  /** Resolves once it has said so on stderr, or has ended. */
  says(what: RegExp): Promise<unknown>;
  readonly ended: Promise<Ended>;
}

/** One of the built tools as a process of its own, with nothing of this process's environment but the path. */
export function startTool(tool: Tool, options: Readonly<Record<string, string>>, env = {}): RunningTool {
  const file = join(process.cwd(), 'dist', 'apps', 'ledger', 'keeping', `${tool}.js`);
  const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value]);
  const child = spawn(process.execPath, [file, ...args], {
    // A directory without an .env, which the tool would read.
    cwd: tmpdir(),
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  const says = (what: RegExp) => {
    const said = new Promise<void>((resolve) => {
      child.stderr.on('data', () => {
        if (what.test(stderr)) resolve();
      });
    });
    return Promise.race([said, ended]);
  };
  return { child, says, ended };
}

export function runTool(tool: Tool, options: Readonly<Record<string, string>>, env = {}): Promise<Ended> {
  return startTool(tool, options, env).ended;
}

/** Rejects with what the tool said where it failed. */
export async function mustRun(tool: Tool, options: Readonly<Record<string, string>>, env = {}): Promise<Ended> {
  const ended = await runTool(tool, options, env);
  if (ended.code !== 0) throw new Error(`${tool} ended with ${String(ended.code ?? ended.signal)}: ${ended.stderr}`);
  return ended;
}
