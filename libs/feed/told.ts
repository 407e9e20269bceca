import type { Instant } from '#consent';
import type { ChangeRecord } from '#contracts';
import { depthOf, type Position } from '#event-store';

/** What a watcher is told. Whoever has been told one need never ask for anything at or below its `position` again. */
export type Told = ToldChange | ToldWatermark;

/** One event of the ledger. The same object goes to every watcher of the business. */
export class ToldChange {
  readonly kind = 'change';
  readonly depth: number;
  private text: string | undefined;

  constructor(
    readonly position: Position,
    readonly change: ChangeRecord,
  ) {
    this.depth = depthOf(position);
  }

  /** The value of `consent.changes.v1`, written out once however many watch. */
  get json(): string {
    return (this.text ??= JSON.stringify(this.change));
  }
}

/** Everything of the watcher's business up to `position` has been told. */
export interface ToldWatermark {
  readonly kind: 'watermark';
  readonly position: Position;
  /**
   * Everything that the ledger had acknowledged at this instant, by the clock of the process that tells, has been told.
   * Absent while that is not proved: while history is still being told.
   */
  readonly at?: Instant;
}
