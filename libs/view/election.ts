/** One of the processes that share a view moves it on, so that the others need not do the same work again. */
export interface Election {
  /** Resolves once this process is the one. Rejects where the signal aborts first; what hinders it in between it waits out. */
  stand(signal: AbortSignal): Promise<Term>;
}

/**
 * While it lasts no other process is chosen. It may be over before this process notices: what is done in it must be
 * harmless when somebody else does it too.
 */
export interface Term {
  readonly over: AbortSignal;
  /** Lets another be chosen at once. Idempotent, never rejects. */
  resign(): Promise<void>;
}
