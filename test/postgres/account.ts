import { execFileSync } from 'node:child_process';
import { chownSync } from 'node:fs';

/** Whom the server runs as. PostgreSQL refuses root, so a test run as root lends it another account. */
export interface Account {
  readonly uid?: number;
  readonly gid?: number;
}

const LENT = ['postgres', 'nobody'] as const;

export function unprivilegedAccount(): Account {
  if (process.getuid?.() !== 0) return {};
  for (const name of LENT) {
    const account = accountOf(name);
    if (account !== undefined) return account;
  }
  throw new Error(`PostgreSQL does not run as root, and none of the users ${LENT.join(', ')} is there to run it`);
}

/** Gives the account a directory made by us; its own files in there it makes itself. */
export function giveTo({ uid, gid }: Account, directory: string): void {
  if (uid !== undefined && gid !== undefined) chownSync(directory, uid, gid);
}

function accountOf(name: string): Account | undefined {
  const number = (flag: string) => Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: 'pipe' }));
  try {
    return { uid: number('-u'), gid: number('-g') };
  } catch {
    return undefined;
  }
}
