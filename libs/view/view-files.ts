import {
  chownSync,
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { syncDirectory } from '#sqlite';

/** Names the view file in use, so that a rebuilt one can take its place while a service has the old one open. */
const POINTER = 'view.current';
const VIEW_FILE = /^view-(\d{1,9})\.db$/;
/** A view that the ledger ends before: it alone may still tell of events that were acknowledged and are lost. */
const KEPT_FILE = /^view-(\d{1,9})\.past-head$/;
/** Each is as large as a view. */
const MOST_KEPT = 2;
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
  const fresh = `${POINTER}.${process.pid}.new`;
  // What a killed process left need not be this one's to write to.
  rmSync(join(dataDir, fresh), { force: true });
  writeDurably(join(dataDir, fresh), `${name}\n`);
  giveToOwner(dataDir, fresh);
  renameSync(join(dataDir, fresh), join(dataDir, POINTER));
  syncDirectory(dataDir);
}

/** What root makes here belongs to whom the directory belongs to: the service may be another user. */
export function giveToOwner(dataDir: string, name: string): void {
  if (process.getuid?.() !== 0) return;
  const [owner, file] = [statSync(dataDir), join(dataDir, name)];
  if (statSync(file).uid !== owner.uid) chownSync(file, owner.uid, owner.gid);
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

/** A name that no view file has yet, nor had one that is kept. */
export function nextViewFile(dataDir: string): string {
  return `view-${Math.max(0, ...numbersOf(dataDir, VIEW_FILE), ...numbersOf(dataDir, KEPT_FILE)) + 1}.db`;
}

function numbersOf(dataDir: string, pattern: RegExp): readonly number[] {
  return readdirSync(dataDir)
    .flatMap((name) => pattern.exec(name)?.[1] ?? [])
    .map(Number);
}

export function removeViewFile(dataDir: string, name: string): void {
  for (const companion of COMPANIONS) rmSync(join(dataDir, `${name}${companion}`), { force: true });
}

/** The view files that a swap or a crash left behind. Those still being built, and those that are kept, have other names. */
export function otherViewFiles(dataDir: string, inUse: string): readonly string[] {
  return readdirSync(dataDir).filter((name) => VIEW_FILE.test(name) && name !== inUse);
}

/**
 * Gives a closed view file a name under which it is neither used nor swept away, and answers that name. Of those kept
 * before, the newest stay.
 */
export function keepViewFile(dataDir: string, name: string): string {
  const kept = keptName(Number(VIEW_FILE.exec(name)?.[1]));
  // The database last: without it what lies beside it means nothing, and the other way round it would lack something.
  for (const companion of [...COMPANIONS].reverse()) {
    const from = join(dataDir, `${name}${companion}`);
    if (existsSync(from)) renameSync(from, join(dataDir, `${kept}${companion}`));
  }
  syncDirectory(dataDir);
  const older = [...numbersOf(dataDir, KEPT_FILE)].sort((a, b) => b - a).slice(MOST_KEPT);
  for (const number of older) removeViewFile(dataDir, keptName(number));
  return kept;
}

function keptName(number: number): string {
  return `view-${number}.past-head`;
}
