import type { AskOutcome } from './ask-ledger.js';
import type { GuardReason, GuardState } from './decision.js';

/** `WATERMARK_LATE`, `FETCH_LATE`: older than `warnAfterMs`. `CLOCK_SKEW`: this machine's clock is behind the ledger's. */
export type GuardWarning = 'WATERMARK_LATE' | 'FETCH_LATE' | 'CLOCK_SKEW';

export interface GuardStatus {
  readonly state: GuardState;
  /** In plain words, without addresses; set while something is wrong. */
  readonly problem?: string;
  readonly warnings: readonly GuardWarning[];
  /** Every opt-out up to here is taken into account. */
  readonly position?: string;
  /** How old the knowledge of opt-outs may be at most; Infinity until it is known. */
  readonly watermarkAgeMs: number;
  /** Since a broker last answered a fetch; Infinity until one has. */
  readonly fetchAgeMs: number;
}

/** Everything to be measured, at the moment of the call: for the `collect` of whatever metrics library the sender uses. */
export interface GuardMetrics extends GuardStatus {
  readonly recipients: number;
  /** Recipients with opt-outs that no state record has yet. */
  readonly pendingOptOuts: number;
  /** Taken from the system for what is known, outside the heap. */
  readonly storedBytes: number;
  readonly unreadableRecords: number;
  readonly unaddressedRecords: number;
  /** Times that everything was read anew, and that a consumer was replaced. */
  readonly reloads: number;
  readonly restarts: number;
  /** Answers since the start, by reason. */
  readonly checks: Readonly<Partial<Record<GuardReason, number>>>;
  readonly asked: Readonly<Record<AskOutcome, number>>;
  /** Listeners of the sender that threw. */
  readonly listenerErrors: number;
}
