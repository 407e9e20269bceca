import type { EventStore } from '#event-store';
import { projectBusiness, type BusinessRow } from '#view';
import { eventsOf } from './events.js';
import { UsageError } from './failures.js';

/** The register of a business as the ledger has it now. Rejects with `UsageError` where there is none. */
export async function readRegister(store: Pick<EventStore, 'readStream'>, businessId: string): Promise<BusinessRow> {
  let row: BusinessRow | undefined;
  for await (const event of eventsOf(store, `business-${businessId}`)) {
    row = projectBusiness(row, businessId, event, () => undefined);
  }
  if (row === undefined) throw new UsageError('--business: the ledger knows no such business; give the id of one');
  return row;
}
