import type { BusinessState } from '#consent';
import type { DamagedRows } from './damaged-rows.js';
import type { BusinessRow } from './port.js';
import { ViewUnusable, type StoredBusiness } from './view-database.js';

/** The registers that these rows hold; those that cannot be read come from the ledger. */
export async function businessesOf(
  stored: readonly StoredBusiness[],
  damagedRows: DamagedRows | undefined,
): Promise<readonly BusinessRow[]> {
  const rows: BusinessRow[] = [];
  for (const row of stored) {
    const [businessId] = row;
    const business = decodeBusiness(row) ?? (await damagedRows?.readBusiness(businessId));
    if (business !== undefined) rows.push(business);
    else if (damagedRows === undefined) throw new ViewUnusable('DAMAGED');
  }
  return rows;
}

function decodeBusiness([businessId, revision, text]: StoredBusiness): BusinessRow | undefined {
  try {
    const state: unknown = JSON.parse(text);
    return isRegister(state) && /^\d+$/.test(revision) ? { businessId, revision, state } : undefined;
  } catch {
    return undefined;
  }
}

function isRegister(value: unknown): value is BusinessState {
  if (typeof value !== 'object' || value === null) return false;
  const { policy, purposes, senders, disclosures } = value as Readonly<Record<string, unknown>>;
  return typeof policy === 'object' && policy !== null && [purposes, senders, disclosures].every(Array.isArray);
}
