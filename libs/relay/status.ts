import { depthOf, type Follower, type Position } from '#event-store';
import type { LaneName } from './comparison.js';
import type { Publisher } from './publisher.js';

export interface LaneStatus {
  readonly name: LaneName;
  /** Everything up to here is published; undefined where nothing is. */
  readonly position?: Position;
  /**
   * Age of the oldest event that is not published, in milliseconds; `Infinity` where nobody can tell. Of the opt-outs, also
   * since when it could not be told how far they are.
   */
  readonly lagMs: number;
  /** How many events that is, where the ledger counts them. */
  readonly lagEvents?: number;
  /** Batches stored since the lane began. */
  readonly batches: number;
  /** Times that a batch or part of one had to be sent again. */
  readonly retries: number;
  readonly problem?: string;
}

export interface RelayStatus {
  /** Whether this process is the one that publishes. */
  readonly leader: boolean;
  /** Empty where it is not. */
  readonly lanes: readonly LaneStatus[];
  /** How many events could not be published as they are; whom they concern is published as unreadable. */
  readonly parked: number;
  /** How many states and registers were published again because another, say a relay without the lease, wrote over them. */
  readonly healed: number;
  /** Why nothing, or not all, is published. */
  readonly problem?: string;
  /** What is less safe than it should be about the topics. */
  readonly warnings: readonly string[];
}

/** What a lane tells of itself. */
export interface LaneView {
  readonly name: LaneName;
  readonly position: Position | undefined;
  readonly oldestMs: number | undefined;
  readonly follower: Follower;
  /** Of the opt-outs: how long ago it was last told how far they are, in milliseconds. */
  readonly unprovedMs?: number;
  readonly problem?: string | undefined;
  readonly batches: number;
  readonly publisher: Publisher;
}

/** Every second a follower proves that it is at the end, and the relay how far the opt-outs are; so late, neither can. */
const PROVED_MS = 5_000;

export function laneStatus(lane: LaneView, nowMs: number, head: Position | undefined): LaneStatus {
  const { name, position, oldestMs, batches, unprovedMs = 0 } = lane;
  const waitingMs = oldestMs === undefined ? overdue(lane.follower.status().lagMs) : nowMs - oldestMs;
  const lagMs = Math.max(0, waitingMs, overdue(unprovedMs));
  const { retries, problem = lane.problem } = lane.publisher.status();
  return {
    ...{ name, lagMs, batches, retries },
    ...(position === undefined ? {} : { position }),
    ...(head === undefined ? {} : { lagEvents: Math.max(0, depthOf(head) - (position ? depthOf(position) : 0)) }),
    ...(problem === undefined ? {} : { problem }),
  };
}

function overdue(ms: number): number {
  return ms > PROVED_MS ? ms : 0;
}
