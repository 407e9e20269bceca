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
  /**
   * Whether this process alone writes: what it has acknowledged, together with a view that has caught up, is then all
   * there is; and an id that is in a stream already is told from a new one whatever revision is expected.
   */
  readonly isOurs: boolean;
  status(): LedgerStatus;
}
