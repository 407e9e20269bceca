import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

/**
 * The service does not start with these secrets. `source` is the variable or file at fault; the message says what to do
 * and never holds a secret.
 */
export class SecretsRefused extends Error {
  readonly code = 'SECRETS_REFUSED';
  constructor(
    readonly source: string,
    problem: string,
  ) {
    super(`${source}: ${problem}`);
  }
}

/** The text of a file that only its owner may read; undefined where there is none. */
export function readSecretFile(file: string): string | undefined {
  const mode = modeOf(file);
  if (mode === undefined) return undefined;
  if ((mode & 0o077) !== 0) {
    throw new SecretsRefused(file, 'others may read or write it: run chmod 600 on it, and replace it if it was seen');
  }
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new SecretsRefused(file, `it cannot be read (${codeOf(error)}): give it to the user who runs the service`);
  }
}

/** Windows has no such bits and reports them all set; there the directory's own rights must do. */
function modeOf(file: string): number | undefined {
  const mode = statSync(file, { throwIfNoEntry: false })?.mode;
  return mode !== undefined && process.platform === 'win32' ? 0o600 : mode;
}

/**
 * Puts the file there whole, with mode 0600, and durably: once this returns it outlives a power cut, and before, there
 * is no half of it.
 */
export function writeSecretFile(file: string, text: string): void {
  const directory = dirname(file);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const draft = `${file}.${process.pid}.tmp`;
  rmSync(draft, { force: true });
  withHandle(draft, 'wx', (handle) => {
    writeSync(handle, text);
    fsyncSync(handle);
  });
  renameSync(draft, file);
  withHandle(directory, 'r', fsyncSync);
}

function withHandle(path: string, flags: string, use: (handle: number) => void): void {
  const handle = openSync(path, flags, 0o600);
  try {
    use(handle);
  } finally {
    closeSync(handle);
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}
