import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { syncDirectory } from '#sqlite';

/** Names the view file in use, so that a rebuilt one can take its place while a service has the old one open. */
const POINTER = 'view.current';
const VIEW_FILE = /^view-(\d{1,9})\.db$/;
/** What SQLite keeps beside a database. */
const COMPANIONS = ['', '-wal', '-shm', '-journal'] as const;

/** The name of the view file in use; undefined where none is, or where the pointer cannot be read as one. */
export function currentViewFile(dataDir: string): string | undefined {
  const pointer = join(dataDir, POINTER);
  const name = existsSync(pointer) ? readFileSync(pointer, 'utf8').trim() : '';
  return VIEW_FILE.test(name) && existsSync(join(dataDir, name)) ? name : undefined;
}

/** Makes `name` the view in use. After a crash the pointer names the old file or the new one, never half a name. */
export function pointTo(dataDir: string, name: string): void {
  const fresh = join(dataDir, `${POINTER}.${process.pid}.new`);
  writeDurably(fresh, `${name}\n`);
  renameSync(fresh, join(dataDir, POINTER));
  syncDirectory(dataDir);
}

function writeDurably(file: string, text: string): void {
  const handle = openSync(file, 'w', 0o600);
  try {
    writeSync(handle, text);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}

/** A name that no view file has yet. */
export function nextViewFile(dataDir: string): string {
  const numbers = readdirSync(dataDir).map((name) => Number(VIEW_FILE.exec(name)?.[1] ?? 0));
  return `view-${Math.max(0, ...numbers) + 1}.db`;
}

export function removeViewFile(dataDir: string, name: string): void {
  for (const companion of COMPANIONS) rmSync(join(dataDir, `${name}${companion}`), { force: true });
}

/** Removes the view files that a swap or a crash left behind. Those still being built have other names. */
export function removeOtherViewFiles(dataDir: string, inUse: string): void {
  for (const name of readdirSync(dataDir)) {
    if (VIEW_FILE.test(name) && name !== inUse) removeViewFile(dataDir, name);
  }
}
