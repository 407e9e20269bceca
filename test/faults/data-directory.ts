import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const made: string[] = [];

/** An empty directory for one test; `removeDataDirectories` removes it. */
export function newDataDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'consent-ledger-fault-'));
  made.push(directory);
  return directory;
}

export function removeDataDirectories(): void {
  for (const directory of made.splice(0)) rmSync(directory, { recursive: true, force: true });
}
