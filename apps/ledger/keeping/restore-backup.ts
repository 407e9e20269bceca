import { existsSync, readdirSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { LOCK_FILES, depthOf, giveNewLedgerId, isSameLedger, keepOut, type Position } from '#event-store';
import type { Config } from '#platform';
import { syncDirectory } from '#sqlite';
import { examine } from './examine.js';
import { copyFile, inDraft, removeAbandoned, type FileFacts } from './files.js';
import { KEPT_FILES, MANIFEST_FILE, isGenuine, readManifest, type Manifest } from './manifest.js';
import { requireDirectory } from './places.js';
import { Refused, type Bar } from './tool.js';

export interface Restored {
  readonly manifest: Manifest;
  /** Of the restored ledger, whose id is a new one. */
  readonly head: Position;
}

export interface RestoreOptions {
  readonly from: string;
  readonly to: string;
  /** The secrets that are configured, and so are not in the backup. */
  readonly secrets: Config['secrets'];
}

const DRAFT = /^\.restoring-(\d+)$/;

/**
 * Puts a backup into an empty or new data directory. Everything is copied, checked and given its new ledger id beside
 * its place, and moved there last; where this rejects the directory holds no more than its lock. Rejects with `Refused`, naming
 * the file at fault, and with `DataDirectoryInUse` where a service runs there.
 */
export async function restoreBackup(options: RestoreOptions, bar: Bar): Promise<Restored> {
  const { from, to } = options;
  for (const place of [from, to]) requireDirectory(place);
  const manifest = await readManifest(from);
  await mkdir(to, { recursive: true, mode: 0o700 });
  requireEmpty(to);
  const lock = keepOut(to);
  const draft = join(to, `.restoring-${process.pid}`);
  try {
    requireEmpty(to);
    await removeAbandoned(to, DRAFT);
    return await inDraft(draft, async () => {
      const head = await fill(draft, manifest, options, bar);
      await putInPlace(draft, to);
      return { manifest, head };
    });
  } finally {
    lock.release();
  }
}

/** A running service is named as such, because the remedy is another one. */
function requireEmpty(directory: string): void {
  const names = readdirSync(directory);
  const harmless = (name: string) => LOCK_FILES.includes(name) || DRAFT.test(name) || name === 'lost+found';
  if (names.every(harmless)) return;
  if (names.some((name) => LOCK_FILES.includes(name))) keepOut(directory).release();
  throw new Refused(`${directory} is not empty: a backup is restored into a directory of its own`);
}

async function fill(draft: string, manifest: Manifest, { from, secrets }: RestoreOptions, bar: Bar): Promise<Position> {
  await takeAllOver(from, draft, manifest, (share) => bar.show('copying', share));
  giveNewLedgerId(draft);
  const { ledger, keyEncryptionKey } = await examine(draft, secrets, (share) => bar.show('checking', share));
  const isKnown = isSameLedger(ledger, manifest.ledger) && depthOf(ledger.head) === depthOf(manifest.ledger.head);
  if (!isKnown || !isGenuine(manifest, keyEncryptionKey)) {
    throw new Refused(`${join(from, MANIFEST_FILE)} was altered: it is not what was written with this ledger`);
  }
  syncDirectory(draft);
  return ledger.head;
}

/** What is compared is what was copied, not what stood there a moment before. */
async function takeAllOver(from: string, draft: string, { files }: Manifest, onShare: (share: number) => void) {
  const total = Object.values(files).reduce((sum, { bytes }) => sum + bytes, 0);
  let done = 0;
  for (const name of KEPT_FILES) {
    const expected = files[name];
    if (expected === undefined) continue;
    const file = join(from, name);
    if (!existsSync(file)) throw new Refused(`${file} is missing: this is no whole backup`);
    const facts = await copyFile(file, join(draft, name), (bytes) => onShare(Math.min(1, (done += bytes) / total)));
    requireUnaltered(file, facts, expected);
  }
}

function requireUnaltered(file: string, { bytes, sha256 }: FileFacts, expected: FileFacts): void {
  if (bytes !== expected.bytes) throw new Refused(`${file} has ${bytes} bytes instead of ${expected.bytes}`);
  if (sha256 !== expected.sha256) throw new Refused(`${file} was altered: its SHA-256 is not that of the backup`);
}

async function putInPlace(draft: string, to: string): Promise<void> {
  for (const name of KEPT_FILES) {
    if (existsSync(join(draft, name))) await rename(join(draft, name), join(to, name));
  }
  syncDirectory(to);
}
