import { diskStatus } from './disk.js';
import type { Parts } from './parts.js';

/** Ready: the ledger takes appends, the disk has room for more, and the view has proved that it is up to date. */
export async function readinessOf(parts: Parts) {
  const disk = await diskStatus(parts.config);
  const ledger = parts.store.status();
  const view = parts.view.status();
  const vault = await vaultStatus(parts);
  const fresh = view.ready && view.lagMs <= parts.config.view.maxLagMs;
  const ready = ledger.writable && disk.problem === undefined && vault.problem === undefined && fresh;
  return { ready, disk, ledger, view, vault };
}

async function vaultStatus({ vault }: Parts): Promise<{ readonly vaultId: string; readonly problem?: string }> {
  const { vaultId } = vault;
  return vault.isEmpty().then(
    () => ({ vaultId }),
    () => ({ vaultId, problem: 'the vault cannot be read' }),
  );
}
