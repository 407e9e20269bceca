import type { RecipientState } from '#consent';
import type { EventStore, Position } from '#event-store';
import type { OnUnusable } from './open-view.js';
import type { UnreadableEvent } from './project.js';
import type { SharedView } from './shared-copy.js';
import type { SharedStatus } from './view-copy.js';

export interface LiveViewOptions {
  readonly store: EventStore;
  /** Where the copy is a file. */
  readonly dataDir: string;
  /** Set where the copy is one that other processes read and move on too; it is closed by who opened it. */
  readonly shared?: SharedView;
  /** Milliseconds that never go back, and the time of day; only differences count. */
  readonly clock: { monotonic(): number; now(): number };
  readonly limits: {
    /** A copy not proved fresh within so long answers nothing. */
    readonly maxLagMs: number;
    readonly waitForPositionMs: number;
    readonly cacheEntries: number;
    /** For rows that stand packed; absent: none do. */
    readonly cacheBytes?: number;
    readonly probeIntervalMs: number;
  };
  readonly onUnreadable: (event: UnreadableEvent) => void;
  /** Told of each row of the file that cannot be read, and that is written anew from the ledger. */
  readonly onDamagedRow?: () => void;
  /** Told why the file was not used when the process began, a new one taking its place; absent: `onError` is. */
  readonly onUnusable?: OnUnusable;
  readonly onError: (error: unknown) => void;
}

export type LookUp =
  | {
      readonly ok: true;
      /** Of the copy that the states came from. */
      readonly position: Position;
      /** In the order asked for; undefined where nothing is known. */
      readonly states: readonly (RecipientState | undefined)[];
    }
  | {
      readonly ok: false;
      readonly reason: 'VIEW_UNAVAILABLE' | 'VIEW_STALE' | 'VIEW_BEHIND';
      readonly position?: Position;
      readonly retryAfterMs: number;
    };

export interface LiveViewStatus {
  readonly position?: Position;
  /** Milliseconds since the copy was last proved to hold everything; infinite before the first proof. */
  readonly lagMs: number;
  readonly caughtUp: boolean;
  /** Whether questions are answered. */
  readonly ready: boolean;
  readonly problem?: string;
  /** Of the copy that other processes read too. */
  readonly shared?: SharedStatus;
}
