import { setTimeout as pause } from 'node:timers/promises';
import { depthOf } from '../port.js';
import type { Connections } from './connections.js';
import type { Horizon } from './horizon.js';
import { pauseBetween } from './persist.js';
import { allRead, placeOf } from './read-messages.js';
import type { Reader } from './reader.js';
import type { Terms } from './terms.js';

/**
 * Learns that something was appended, by whatever process, and how far: nothing else. What was appended is read in pages
 * from the last processed position, so that a subscription that is dropped, lags behind or loses its place costs time
 * and never an event. A dropped one is made again, with growing pauses; and in any case the head is looked at every
 * now and then, so that a subscription that is silent for no good reason is found out.
 */
export class Bell {
  private running: Promise<unknown> | undefined;
  private subscription = new AbortController();
  /** The furthest place that the subscription has vouched for. */
  private told = -1;

  constructor(
    private readonly connections: Connections,
    private readonly reader: Reader,
    private readonly horizon: Horizon,
    private readonly terms: Terms,
    private readonly ended: AbortSignal,
  ) {}

  start(): void {
    this.running ??= Promise.all([this.listen(), this.look()]);
  }

  /** Resolves when everything has ended after the signal; at once where it was never started. */
  async stopped(): Promise<void> {
    await this.running;
  }

  private async listen(): Promise<void> {
    for (let failures = 0; !this.ended.aborted; failures += 1) {
      try {
        await this.subscribe(() => (failures = 0));
      } catch {
        // The connections have noted why; the pages of the subscribers tell it to those who wait.
      }
      await pauseBetween(failures, this.terms.random, this.ended);
    }
  }

  private async subscribe(confirmed: () => void): Promise<void> {
    this.subscription = new AbortController();
    await this.connections.read(allRead({ from: 'end', prefixes: [] }), {
      live: true,
      signal: AbortSignal.any([this.subscription.signal, this.ended]),
      take: (message, peer) => {
        const n = placeOf(message);
        if (n === undefined) void this.confirm(confirmed);
        else this.tell(n);
        peer.reach(n ?? 0);
        return false;
      },
    });
  }

  private tell(n: number): void {
    this.horizon.reach(n);
    this.told = Math.max(this.told, n);
  }

  /** What was appended before the subscription began, it does not tell. */
  private async confirm(confirmed: () => void): Promise<void> {
    confirmed();
    const head = await this.headOrNothing();
    if (head !== undefined) this.tell(head);
  }

  /** What was the head one look ago, the subscription has told by now, or it never will. */
  private async look(): Promise<void> {
    let before: number | undefined;
    while (!this.ended.aborted) {
      await pause(this.terms.timeouts.heartbeatMs, undefined, { signal: this.ended }).catch(() => undefined);
      if (this.ended.aborted) return;
      const head = await this.headOrNothing();
      if (before !== undefined && this.told < before) this.subscription.abort();
      before = head;
    }
  }

  private async headOrNothing(): Promise<number | undefined> {
    return this.reader.head().then(depthOf, () => undefined);
  }
}
