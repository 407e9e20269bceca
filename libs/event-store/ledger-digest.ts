import { createHash } from 'node:crypto';
import {
  StoreUnavailable,
  comparePositions,
  hasReached,
  type EventStore,
  type Position,
  type StoredEvent,
} from './port.js';

/** What a ledger holds, in so few words that two can be compared at a glance. */
export interface LedgerSummary {
  readonly events: number;
  /** Events per category: what stands before the first `-` of their streams' names. */
  readonly categories: Readonly<Record<string, number>>;
  /** 64 hexadecimal digits over stream, revision, id, type, data and metadata of every event. */
  readonly digest: string;
}

const MODULUS = 1n << 256n;

/**
 * Takes in a ledger's events in any order. Each event is hashed together with its place in its stream and the hashes
 * are added up, so two ledgers agree exactly where every stream holds the same bytes in the same order; how the streams
 * lie between each other, which no copy can keep on every store, does not count. It finds what went wrong, not what a
 * person with much computing power forged: for that there are the files' own hashes.
 */
export class LedgerDigest {
  private sum = 0n;
  private events = 0;
  private readonly categories = new Map<string, number>();

  add(event: StoredEvent): void {
    this.sum = (this.sum + BigInt(`0x${hashOf(event)}`)) % MODULUS;
    this.events += 1;
    const category = categoryOf(event.stream);
    this.categories.set(category, (this.categories.get(category) ?? 0) + 1);
  }

  summary(): LedgerSummary {
    const categories = Object.fromEntries([...this.categories].sort(([one], [other]) => (one < other ? -1 : 1)));
    return { events: this.events, categories, digest: this.sum.toString(16).padStart(64, '0') };
  }
}

/** The lengths stand in front, so that no byte can move from one part to the next unseen. */
function hashOf({ stream, revision, id, type, data, metadata }: StoredEvent): string {
  const about = JSON.stringify([stream, revision, id.toLowerCase(), type, data.length, metadata.length]);
  return createHash('sha256').update(about).update(data).update(metadata).digest('hex');
}

function categoryOf(stream: string): string {
  const dash = stream.indexOf('-');
  return dash < 0 ? stream : stream.slice(0, dash);
}

const PAGE_EVENTS = 500;
const TOO_SHORT = 'the ledger ended before the place up to which it was to be read';

/** Every event of a ledger in its order, up to and with `until`; absent: up to what is the end when it is reached. */
export async function* eventsUpTo(store: EventStore, until?: Position): AsyncGenerator<StoredEvent, void> {
  for (let from: Position | undefined; ;) {
    const page = await store.readAll({ limit: PAGE_EVENTS, ...(from === undefined ? {} : { from }) });
    for (const event of page.events) {
      if (until !== undefined && (comparePositions(event.position, until) ?? 1) > 0) return;
      yield event;
    }
    if (page.atEnd && until !== undefined && !hasReached(page.position, until)) throw new StoreUnavailable(TOO_SHORT);
    if (page.atEnd) return;
    from = page.position;
  }
}

/** Reads a whole ledger, or what of it stands up to `until`. `onEvent` hears of each event after it was counted. */
export async function summaryOf(
  store: EventStore,
  options: { readonly until?: Position; readonly onEvent?: (event: StoredEvent) => void } = {},
): Promise<LedgerSummary> {
  const digest = new LedgerDigest();
  for await (const event of eventsUpTo(store, options.until)) {
    digest.add(event);
    options.onEvent?.(event);
  }
  return digest.summary();
}

export function isSameLedger(one: LedgerSummary, other: LedgerSummary): boolean {
  return one.events === other.events && one.digest === other.digest;
}
