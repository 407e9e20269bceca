import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { giveTo, type Account } from './account.js';

export const ROOT_ROLE = 'root_of_the_tests';

/** What `initdb` makes takes seconds: it is made once for a version and an account, and copied for each server. */
export function copyTemplate(binaries: string, account: Account, to: string): void {
  const template = templateOf(binaries, account);
  // cp, because it keeps the owner and shares blocks where the file system can.
  execFileSync('cp', ['-a', '--reflink=auto', template, to]);
}

function templateOf(binaries: string, account: Account): string {
  const options = { encoding: 'utf8', cwd: '/' } as const;
  const version = execFileSync(join(binaries, 'postgres'), ['--version'], options)
    .replace(/[^\d.]+/g, '-')
    .slice(0, 24);
  const template = join(tmpdir(), `consent-ledger-postgres${version}${account.uid ?? process.getuid?.() ?? ''}`);
  if (!existsSync(template)) makeTemplate(binaries, account, template);
  return template;
}

/** Two workers may both make it: each in a directory of its own, and the first whole one gets the name. */
function makeTemplate(binaries: string, account: Account, template: string): void {
  const own = mkdtempSync(`${template}.part-`);
  try {
    giveTo(account, own);
    const cluster = ['--username', ROOT_ROLE, '--auth=trust', '--encoding=UTF8', '--locale=C.UTF-8'];
    execFileSync(join(binaries, 'initdb'), [...cluster, '--pgdata', own], { ...account, stdio: 'pipe', cwd: '/' });
    renameSync(own, template);
  } catch (error) {
    if (!existsSync(template)) throw error;
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}
