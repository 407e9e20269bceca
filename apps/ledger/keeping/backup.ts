import { makeBackup } from './make-backup.js';
import { optionsOf, print, readSettings, run, type Bar } from './tool.js';

const USAGE = 'npm run backup -- --to <directory that does not exist yet>';

/**
 * `npm run backup`: ledger, vault and secrets of `DATA_DIR` (the ledger of `EVENTSTORE_URL`, where that is set) as one
 * consistent set, while the service runs.
 */
async function backup(bar: Bar): Promise<boolean> {
  const { to } = optionsOf(['to'], USAGE);
  const { ledger, files } = await makeBackup(readSettings(), to, bar);
  bar.stop();
  print(`backed up: ${ledger.events} events up to position ${ledger.head}, in ${to}`);
  print(`it holds ${Object.keys(files).join(', ')}: keep it as secret as the service's own data`);
  return true;
}

run('backup', backup);
