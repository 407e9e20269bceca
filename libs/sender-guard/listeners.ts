import type { All, Category, Channel, ConsentEvent, Instant } from '#consent';
import type { ReadChange } from '#contracts';
import type { GuardState } from './decision.js';

/** An opt-out as it arrives. The same one may come twice. */
export interface OptOutNotice {
  readonly businessId: string;
  readonly recipientId: string;
  readonly eventId: string;
  readonly type: ConsentEvent['type'];
  /** Of a revocation: what it covers. */
  readonly channels: readonly (Channel | All)[];
  readonly purposes: readonly string[];
  readonly categories: readonly (Category | All)[];
  readonly occurredAt: Instant;
  readonly recordedAt: Instant;
  readonly position?: string;
  /** Set where another recipient said it, who is linked to this one. */
  readonly linkedFrom?: string;
}

export interface GuardEvents {
  readonly optOut: OptOutNotice;
  readonly state: { readonly state: GuardState; readonly before: GuardState };
}

/** May be an async function too, whatever its type says: a promise is no more than a result that nobody awaits. */
type Listener<E extends keyof GuardEvents> = (event: GuardEvents[E]) => unknown;

/** The sender's listeners. One that throws, or rejects, is counted and never holds up an opt-out. */
export class Listeners {
  readonly #all: { [E in keyof GuardEvents]: Set<Listener<E>> } = { optOut: new Set(), state: new Set() };
  errors = 0;

  add<E extends keyof GuardEvents>(event: E, listener: Listener<E>): () => void {
    this.#all[event].add(listener);
    return () => this.#all[event].delete(listener);
  }

  tell<E extends keyof GuardEvents>(event: E, what: GuardEvents[E]): void {
    for (const listener of [...this.#all[event]]) {
      try {
        // Left alone, a rejection would end the sender's process.
        Promise.resolve(listener(what)).catch(() => this.#failed());
      } catch {
        this.#failed();
      }
    }
  }

  #failed(): void {
    this.errors += 1;
  }
}

export function noticeOf(change: ReadChange, position: string | undefined): OptOutNotice {
  const { businessId, recipientId, eventId, recordedAt, linkedFrom, event } = change;
  const scope = event.type === 'ConsentRevoked' ? event.data : { channels: [], purposes: [], categories: [] };
  return {
    ...{ businessId, recipientId, eventId, type: event.type },
    ...{ channels: scope.channels, purposes: scope.purposes, categories: scope.categories },
    ...{ occurredAt: event.data.occurredAt, recordedAt },
    ...(position === undefined ? {} : { position }),
    ...(linkedFrom === undefined ? {} : { linkedFrom }),
  };
}
