import { setTimeout as pause } from 'node:timers/promises';
import type { Vault } from '#vault';
import { diskStatus } from './disk.js';
import type { Parts } from './parts.js';

/** Longer than that nobody waits to be told how the vault is, in milliseconds. */
const LOOK_MS = 500;

/**
 * Ready: the ledger takes appends, the disk has room for more, and the view has proved that it is up to date. A database
 * that is away makes a process that takes commands unready no more: all replicas would be at once, and no opt-out heard.
 */
export async function readinessOf(parts: Parts) {
  const disk = await diskStatus(parts.config);
  const ledger = parts.store.status();
  const view = parts.view.status();
  const vault = await vaultStatus(parts);
  const fresh = view.ready && view.lagMs <= parts.config.view.maxLagMs;
  const { database, roles } = parts.config;
  const stands = vault.problem === undefined || (database !== undefined && roles.includes('commands'));
  const ready = ledger.writable && disk.problem === undefined && stands && fresh;
  return { ready, disk, ledger, view, vault };
}

interface VaultStatus {
  readonly vaultId: string;
  readonly problem?: string;
}

/** Anybody may ask how the service is, and the sessions of a database are few: who asks while it is looked shares that look. */
const looks = new WeakMap<Vault, Promise<VaultStatus>>();

function vaultStatus({ vault }: Parts): Promise<VaultStatus> {
  const look = looks.get(vault) ?? lookAt(vault).finally(() => looks.delete(vault));
  looks.set(vault, look);
  return look;
}

async function lookAt(vault: Vault): Promise<VaultStatus> {
  const { vaultId } = vault;
  const late = pause(LOOK_MS, { vaultId, problem: 'the vault does not answer' }, { ref: false });
  const found = vault.isEmpty().then(
    () => ({ vaultId, ...(vault.problem === undefined ? {} : { problem: vault.problem }) }),
    () => ({ vaultId, problem: 'the vault cannot be read' }),
  );
  return Promise.race([found, late]);
}
