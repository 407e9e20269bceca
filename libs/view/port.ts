import type { BusinessState, RecipientState } from '#consent';
import type { Position } from '#event-store';

/** A recipient's row: whose it is, and the whole folded state. */
export interface RecipientRow {
  readonly businessId: string;
  readonly state: RecipientState;
}

export interface BusinessRow {
  readonly businessId: string;
  readonly state: BusinessState;
  /** Last revision of the `business-` stream in the state; it is also the policy version that answers name. */
  readonly revision: string;
}

/** Rows and the position of the very copy they came from, read together. */
export interface Snapshot {
  /** Undefined before the first commit: then there are no rows either. */
  readonly position: Position | undefined;
  /** In the order asked for; undefined where nothing is known. */
  readonly rows: readonly (RecipientRow | undefined)[];
  /** Of which copy they are, where another may take its place. */
  readonly generation?: number;
}

/** The changes of one batch of the follower, committed together with the position they lead to. */
export interface ViewChanges {
  readonly recipients: ReadonlyMap<string, RecipientRow>;
  /** Those of the recipients who were found to have no row at `from`: a storage may be quicker to add than to replace. */
  readonly newcomers?: ReadonlySet<string>;
  readonly businesses: ReadonlyMap<string, BusinessRow>;
  readonly from: Position | undefined;
  readonly to: Position;
  /** Of the copy whose rows they were made of: they are not put into another. */
  readonly generation?: number | undefined;
}

/** The eligibility view's storage: disposable, rebuilt from the ledger at any time. */
export interface ViewStore {
  /** Undefined before the first commit. */
  position(): Promise<Position | undefined>;
  /** Rejects with `ViewWentBack` where the storage stands before a place at which it stood already. */
  read(recipientIds: readonly string[]): Promise<Snapshot>;
  /** The same for a store that need not wait: most of what a check costs is waiting for what is already there. */
  readNow?(recipientIds: readonly string[]): Snapshot;
  businesses(): Promise<readonly BusinessRow[]>;
  /** Rejects with `ViewMoved` unless the stored position is `changes.from`: a second projector then steps back. */
  commit(changes: ViewChanges): Promise<void>;
  /** The same storage for whoever moves it on: it reads also where it went back. Absent: it cannot go back. */
  readonly forProjector?: ViewStore;
  close(): Promise<void>;
}

export class ViewMoved extends Error {
  readonly code = 'VIEW_MOVED';
}

/**
 * The storage stands before a place at which this process has seen it: an older copy took its place. What was forgotten
 * because the storage had passed it may be missing now, so nothing may be answered from it until it has caught up.
 */
export class ViewWentBack extends Error {
  readonly code = 'VIEW_WENT_BACK';
  constructor(
    readonly seen: Position,
    readonly found: Position | undefined,
  ) {
    super(`the view stands at ${found ?? 'nothing'}, and stood at ${seen} before`);
  }
}
