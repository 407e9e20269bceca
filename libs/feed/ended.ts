import type { Position } from '#event-store';

export type EndReason = 'slow' | 'closing' | 'ledger_away';

/** A watch was ended by the feed, not by who watches: a new one from `position` goes on without loss. */
export class WatchEnded extends Error {
  constructor(
    readonly reason: EndReason,
    /** Undefined where nothing had been told and no place was asked for. */
    readonly position: Position | undefined,
  ) {
    super(`the watch was ended: ${reason}`);
  }
}

/** There are as many watchers as there may be. */
export class FeedFull extends Error {
  readonly retryAfterMs = 1_000;
  constructor() {
    super('the feed has as many watchers as it may have');
  }
}

/**
 * The ledger has not come as far as the position to watch from: it was brought back from an older copy under the same
 * id, or the position is made up. What lies between is not known to anybody, so whoever kept it must begin anew.
 */
export class PositionAhead extends Error {
  constructor() {
    super('the position is past the end of the ledger');
  }
}
