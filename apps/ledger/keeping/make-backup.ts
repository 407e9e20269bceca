import { existsSync, readdirSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { EVENT_SCHEMA } from '#consent';
import { LEDGER_FILE, copyLedger, snapshotLedger } from '#event-store';
import type { Config } from '#platform';
import { syncDirectory } from '#sqlite';
import { ADMIN_KEY_FILE, SECRETS_FILE, VAULT_FILE, beginVaultSnapshot, snapshotVault } from '#vault';
import { VERSION } from '../version.js';
import { examine } from './examine.js';
import { copyFile, factsOf, inDraft, removeAbandoned, writeDurably } from './files.js';
import { KEPT_FILES, MANIFEST_FILE, schemaOf, sealed, type KeptFile, type Manifest } from './manifest.js';
import { openSource, openTarget, requireDirectory, requireLedgerIn } from './places.js';
import { Refused, type Bar } from './tool.js';

/**
 * Makes a backup of ledger, vault and secrets as one set, also while the service runs. It is made beside `to` and gets
 * that name once it is whole, checked and on disk; where this rejects there is nothing of that name.
 */
export async function makeBackup(config: Config, to: string, bar: Bar): Promise<Manifest> {
  const { dataDir, eventStore, database } = config;
  requireDirectory(to);
  if (database !== undefined) throw new Refused(IN_DATABASE);
  if (eventStore === undefined) requireLedgerIn(dataDir);
  if (!existsSync(join(dataDir, VAULT_FILE))) throw new Refused(`there is no ${VAULT_FILE} in ${dataDir}`);
  const wanted = resolve(to);
  if (existsSync(wanted) && readdirSync(wanted).length > 0) throw new Refused(`${to} is not empty`);
  const parent = dirname(wanted);
  await mkdir(parent, { recursive: true, mode: 0o700 });
  await removeAbandoned(parent, abandonedOf(basename(wanted)));
  const draft = `${wanted}.${process.pid}.partial`;
  return inDraft(draft, async () => {
    const manifest = await fill(draft, config, bar);
    await rename(draft, wanted);
    syncDirectory(parent);
    return manifest;
  });
}

const IN_DATABASE =
  'the vault is in PostgreSQL: back that up with its own tools, the ledger with its own, the ledger first. See docs/operations/keeping.md';

function abandonedOf(name: string): RegExp {
  return new RegExp(`^${name.replaceAll(/[^A-Za-z0-9]/g, '\\$&')}\\.(\\d+)\\.partial$`);
}

/**
 * The ledger first: whatever its events are sealed under was in the vault before them, and so is in the later copy. What
 * goes the other way, from the vault into the ledger, is kept beforehand. The backup is dated before all of that: what was
 * acknowledged after its date may be missing in it, and what was before is not.
 */
async function fill(draft: string, config: Config, bar: Bar): Promise<Manifest> {
  const { dataDir, secrets } = config;
  const createdAt = new Date().toISOString();
  beginVaultSnapshot(dataDir, draft);
  await keepLedger(draft, config, bar);
  await snapshotVault(dataDir, draft, { onProgress: (done, total) => bar.show('copying the vault', done / total) });
  for (const name of secretFilesOf(secrets)) {
    if (existsSync(join(dataDir, name))) await copyFile(join(dataDir, name), join(draft, name));
  }
  const { ledger, keyEncryptionKey } = await examine(draft, secrets, (share) => bar.show('checking the copy', share));
  const files = await factsOfKept(draft);
  const body = { format: 1, createdAt, program: VERSION, eventSchema: EVENT_SCHEMA, ledger, files } as const;
  const manifest = sealed(body, keyEncryptionKey);
  await writeDurably(join(draft, MANIFEST_FILE), `${JSON.stringify(manifest, undefined, 2)}\n`);
  syncDirectory(draft);
  return manifest;
}

/** A file left over from before its secrets were configured stays behind: a backup holds none that is kept elsewhere. */
function secretFilesOf({ pepper, keyEncryptionKey, adminKey }: Config['secrets']): readonly string[] {
  const areConfigured = pepper !== undefined && keyEncryptionKey !== undefined;
  return [...(areConfigured ? [] : [SECRETS_FILE]), ...(adminKey === undefined ? [ADMIN_KEY_FILE] : [])];
}

async function keepLedger(draft: string, { dataDir, eventStore }: Config, bar: Bar): Promise<void> {
  const onProgress = (done: number, total: number) => bar.show('copying the ledger', done / total);
  if (eventStore === undefined) return snapshotLedger(dataDir, draft, { onProgress });
  const working = join(draft, 'working');
  await copyFromServer(eventStore.url, working, bar);
  await snapshotLedger(working, draft, { onProgress });
  await rm(working, { recursive: true });
}

async function copyFromServer(url: string, directory: string, bar: Bar): Promise<void> {
  const from = await openSource(url);
  try {
    const to = await openTarget(directory);
    try {
      const { same } = await copyLedger({
        from,
        to,
        onProgress: ({ share }) => bar.show('fetching the ledger', share),
      });
      if (!same) throw new Refused('what was fetched is not what EventStoreDB holds: try again');
    } finally {
      await to.close();
    }
  } finally {
    await from.close();
  }
}

async function factsOfKept(draft: string): Promise<Manifest['files']> {
  const files: Partial<Record<KeptFile, NonNullable<Manifest['files'][KeptFile]>>> = {};
  for (const name of KEPT_FILES) {
    const file = join(draft, name);
    if (!existsSync(file)) continue;
    const schema = name === LEDGER_FILE || name === VAULT_FILE ? { schema: await schemaOf(file) } : {};
    files[name] = { ...(await factsOf(file)), ...schema };
  }
  return files;
}
