import type { Vault } from '#vault';

/** How often it is looked up whether a key that somebody is answered under is still there, in milliseconds. */
const LOOK_MS = 5_000;

/**
 * The keys under which callers are answered for hours. Whoever holds one is told when it is deleted: at once where this
 * process deletes it, and within five seconds where another one does. A vault that cannot be read proves nothing: then
 * it could not have been deleted either.
 */
export class HeldKeys {
  private readonly holders = new Map<string, Set<() => void>>();
  private looking: NodeJS.Timeout | undefined;

  constructor(private readonly vault: Pick<Vault, 'findApiKey'>) {}

  /** Calls `onGone` at most once; the answer lets go. */
  hold(keyId: string, onGone: () => void): () => void {
    // One function may be handed in twice, and each holder lets go for itself.
    const holder = () => onGone();
    const holders = this.holders.get(keyId) ?? new Set();
    this.holders.set(keyId, holders.add(holder));
    this.looking ??= setInterval(() => void this.look(), LOOK_MS).unref();
    return () => {
      holders.delete(holder);
      if (holders.size === 0 && this.holders.get(keyId) === holders) this.drop(keyId);
    };
  }

  gone(keyId: string): void {
    const holders = this.holders.get(keyId) ?? [];
    this.drop(keyId);
    for (const holder of holders) holder();
  }

  private drop(keyId: string): void {
    this.holders.delete(keyId);
    if (this.holders.size > 0) return;
    clearInterval(this.looking);
    this.looking = undefined;
  }

  private async look(): Promise<void> {
    for (const keyId of [...this.holders.keys()]) {
      const isThere = await this.vault.findApiKey(keyId).then(Boolean, () => true);
      if (!isThere) this.gone(keyId);
    }
  }
}
