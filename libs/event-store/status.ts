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
   * Whether this process alone writes and knows what became of all it wrote: what it has acknowledged, together with a
   * view that has caught up, is then all there is.
   */
  readonly isOurs: boolean;
  /** Whether an append tells an id that is in the stream already from a new one, whatever revision is expected. */
  readonly tellsRepeats: boolean;
  status(): LedgerStatus;
}
