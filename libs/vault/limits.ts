/** Bounds of a vault; each has a name in the configuration. */
export interface VaultLimits {
  /** Unwrapped data keys kept in memory, of the recipients sealed or read last. */
  readonly cachedDataKeys: number;
  /** Writes that may wait for the disk before further ones are refused; what an opt-out needs is never refused. */
  readonly queuedWrites: number;
  /** How long an erasure waits for those that keep the log from being emptied, in milliseconds. */
  readonly emptyLogMs: number;
}

export const DEFAULT_VAULT_LIMITS: VaultLimits = { cachedDataKeys: 10_000, queuedWrites: 10_000, emptyLogMs: 5_000 };
