import type { Position } from '#event-store';
import type { Step } from './advance.js';
import type { Snapshot } from './port.js';

/** The rows that a live view answers from: a file of this process, or what many processes share. */
export interface ViewCopy {
  /** Everything up to here is in what is read; undefined where nothing is. */
  readonly position: Position | undefined;
  /** Why nothing may be answered now; undefined where something may. */
  readonly problem: string | undefined;
  /** Where the follower is to go on. */
  resumeFrom(): Promise<Position | undefined>;
  /** Rejects with `ViewAway` where the rows cannot be had now and that was told already. */
  read(recipientIds: readonly string[]): Promise<Snapshot>;
  /** Undefined where the copy cannot answer without waiting, or cannot answer: `read` then tells which. */
  readNow(recipientIds: readonly string[]): Snapshot | undefined;
  /** Takes the next step of the follower. */
  apply(step: Step): Promise<void>;
  /** To be called now and then: looks after what is stored. */
  watch(): Promise<void>;
  /** Of what is shared with other processes; undefined where nothing is. */
  shared(): SharedStatus | undefined;
  close(): Promise<void>;
}

/** Of the rows that many processes share. */
export interface SharedStatus {
  /** As this process last saw it; undefined before the first commit. */
  readonly position?: Position;
  /** Whether this process moves it on. */
  readonly projecting: boolean;
  /** Recipients of whom this process keeps what the shared rows may lack. */
  readonly recent: number;
  /** Why states that are not in memory cannot be answered now. */
  readonly problem?: string;
}

/** The rows cannot be had now; whoever keeps them has told why. */
export class ViewAway extends Error {
  readonly code = 'VIEW_AWAY';
}
