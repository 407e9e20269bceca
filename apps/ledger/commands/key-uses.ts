const DEFAULT_CAPACITY = 10_000;

/** An idempotency key as its business and route know it, hashed, and the hash of the request that it came with. */
export interface KeyUse {
  readonly key: string;
  readonly asked: string;
}

/**
 * Which request each idempotency key came with first, as far as this process remembers. A command's identity includes the
 * person, so the ledger itself knows a key that comes again for the same person, without limit in time; this finds the
 * mistake of sending it for another one, which mostly comes soon.
 */
export class KeyUses {
  private readonly requests = new Map<string, string>();

  constructor(private readonly capacity = DEFAULT_CAPACITY) {}

  /** Whether the key belongs to another request. */
  isTaken({ key, asked }: KeyUse): boolean {
    const known = this.requests.get(key);
    return known !== undefined && known !== asked;
  }

  /** To be called once a request was carried out, so that a refused one may be mended under its key. Forgets the oldest. */
  note({ key, asked }: KeyUse): void {
    if (this.requests.has(key)) return;
    const oldest = this.requests.size >= this.capacity ? this.requests.keys().next().value : undefined;
    if (oldest !== undefined) this.requests.delete(oldest);
    this.requests.set(key, asked);
  }
}
