import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

const PACKAGE = 'kurrentdbclient==1.3.5';
const INSTALL_TIMEOUT_MS = 180_000;
const SCRIPTS = join(process.cwd(), 'test', 'eventstore', 'official-clients');

/** The official Python client in an environment of its own, or why there is none. */
export type PythonClient = { readonly interpreter: string } | { readonly missing: string };

export function preparePythonClient(): PythonClient {
  return preparePython(PACKAGE, 'kurrentdbclient');
}

/** A package of PyPI with its module, kept in the user's cache, outside the tree, so that it is fetched once. */
export function preparePython(wanted: string, module: string): PythonClient {
  const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
  const directory = join(cache, 'consent-ledger', wanted.replace('==', '-'));
  const interpreter = join(directory, 'bin', 'python');
  if (isUsable(interpreter, module)) return { interpreter };
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const made = run('python3', ['-m', 'venv', directory]);
  if (made !== undefined) return { missing: `python3 with venv: ${made}` };
  const installed = run(interpreter, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', wanted]);
  return installed === undefined ? { interpreter } : { missing: `${wanted}: ${installed}` };
}

function isUsable(interpreter: string, module: string): boolean {
  return existsSync(interpreter) && run(interpreter, ['-c', `import ${module}`]) === undefined;
}

/** Undefined where it went well, otherwise the last line it said. */
function run(program: string, args: readonly string[]): string | undefined {
  const { status, error, stderr } = spawnSync(program, args, { encoding: 'utf8', timeout: INSTALL_TIMEOUT_MS });
  if (status === 0) return undefined;
  return error?.message ?? stderr.trim().split('\n').at(-1) ?? `it ended with ${status}`;
}

/** Runs one of the scripts beside this file to its end. */
export function runScript(
  interpreter: string,
  script: string,
  args: readonly string[],
): Promise<{ code: number | null; output: string }> {
  const child = spawn(interpreter, [join(SCRIPTS, script), ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output }));
  });
}
