import type { Answer, Reachable } from '../support/client.js';
import { KINDS, send, type Deed } from './deed.js';
import type { Chance } from './full.js';

export interface Acknowledged {
  readonly deed: Deed;
  readonly answer: Answer;
}

/** What several writers told the service, what of it was acknowledged, and what must be told again. */
export class Writers {
  readonly acknowledged: Acknowledged[] = [];
  private readonly open = new Map<string, Deed>();
  private told = 0;
  private awaited: { readonly count: number; readonly resolve: () => void } | undefined;

  constructor(
    private readonly chance: Chance,
    private readonly phones: readonly string[],
    private readonly name = 'deed',
  ) {}

  /**
   * So many writers at once, each telling one thing after the other, until the service does not answer any more or
   * `signal` aborts. A refusal that allows another try (503, 409) leaves the deed open.
   */
  async write(service: Reachable, writers: number, signal?: AbortSignal): Promise<void> {
    await Promise.all(Array.from({ length: writers }, () => this.writeOn(service, signal)));
  }

  /** Tells everything that is open once more, with the same keys; resolves when all of it is acknowledged. */
  async retryOpen(service: Reachable): Promise<number> {
    const retried = this.open.size;
    while (this.open.size > 0) {
      const answered = await Promise.all([...this.open.values()].map((deed) => this.tell(service, deed)));
      if (answered.includes('gone')) throw new Error('the service went away while everything was told again');
    }
    return retried;
  }

  /** Resolves when so many more deeds have been acknowledged. */
  acknowledgedMore(count: number): Promise<void> {
    return new Promise((resolve) => (this.awaited = { count: this.acknowledged.length + count, resolve }));
  }

  private async writeOn(service: Reachable, signal: AbortSignal | undefined): Promise<void> {
    while (!signal?.aborted) {
      const deed = this.next();
      this.open.set(deed.label, deed);
      if ((await this.tell(service, deed)) === 'gone') return;
    }
  }

  private next(): Deed {
    this.told += 1;
    return {
      label: `${this.name}-${this.told}`,
      kind: this.chance.oneOf(KINDS),
      phone: this.chance.oneOf(this.phones),
      at: Date.now(),
    };
  }

  private async tell(service: Reachable, deed: Deed): Promise<'acknowledged' | 'refused' | 'gone'> {
    const answer = await send(service, deed).catch(() => undefined);
    if (answer === undefined) return 'gone';
    if (answer.status === 503 || answer.status === 409) return 'refused';
    if (answer.status >= 300) throw new Error(`${deed.kind} was answered ${JSON.stringify(answer.body)}`);
    this.open.delete(deed.label);
    this.acknowledged.push({ deed, answer });
    if (this.awaited !== undefined && this.acknowledged.length >= this.awaited.count) this.awaited.resolve();
    return 'acknowledged';
  }
}

export function phoneNumbers(count: number, first = 0): readonly string[] {
  return Array.from({ length: count }, (_, index) => `+39333${String(first + index).padStart(7, '0')}`);
}
