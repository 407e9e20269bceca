import { restoreBackup } from './restore-backup.js';
import { Refused, optionsOf, print, readSettings, run, type Bar } from './tool.js';

const USAGE = 'npm run restore -- --from <backup> --to <empty data directory>';

const NOT_INTO_DATABASE =
  'a backup is restored into a directory, and DATABASE_URL names a vault elsewhere: unset it, or restore that with its own tools';

/** `npm run restore`: checks a backup and makes a data directory of it, with a ledger id of its own. */
async function restore(bar: Bar): Promise<boolean> {
  const { from, to } = optionsOf(['from', 'to'], USAGE);
  const { secrets, database } = readSettings();
  if (database !== undefined) throw new Refused(NOT_INTO_DATABASE);
  const { manifest, head } = await restoreBackup({ from, to, secrets }, bar);
  bar.stop();
  print(`restored: ${manifest.ledger.events} events of the backup of ${manifest.createdAt}, in ${to}`);
  print(`the ledger has a new id: position ${manifest.ledger.head} is ${head} now, and no older position counts`);
  print(`what was acknowledged after that backup is not in it: see docs/operations/keeping.md before you start`);
  return true;
}

run('restore', restore);
