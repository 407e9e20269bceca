import type { EventStore } from './port.js';

export interface LedgerStatus {
  /** Whether ordinary appends are taken. */
  readonly writable: boolean;
  /** What is wrong, in plain words. */
  readonly problem?: string;
  /** Disk that only revocations may use; always kept where the disk is not the ledger's own. */
  readonly reserve: 'kept' | 'released';
  /** Appends that were taken and are not answered yet. */
  readonly queued: { readonly normal: number; readonly revocation: number };
}

/** A store as the service runs it, and asks after its health. */
export interface Ledger extends EventStore {
  status(): LedgerStatus;
}
