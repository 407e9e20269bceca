import type { Position } from '#event-store';
import type { BusinessRow, Snapshot } from '#view';

/** The copy of the ledger that states are read from: the service's view. */
export interface RelayCopy {
  /**
   * The recipients' own rows, whatever business they belong to, once the copy has passed `position`. Undefined where it
   * does not within `waitMs`, or cannot be read.
   */
  rowsAt(position: Position, recipientIds: readonly string[], waitMs: number): Promise<Snapshot | undefined>;
  /** Every register up to where the copy is, or newer. */
  readonly catalogue: { business(businessId: string): BusinessRow | undefined };
}
