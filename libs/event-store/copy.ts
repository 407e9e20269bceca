import { COPY_WINDOW, CopyRefused, CopyWriter } from './copy-writer.js';
import { LedgerDigest, eventsUpTo, isSameLedger, summaryOf, type LedgerSummary } from './ledger-digest.js';
import { depthOf, type EventStore, type Position, type StoredEvent } from './port.js';

export { CopyRefused } from './copy-writer.js';

export interface CopyProgress {
  /** `find`: what the target holds already is compared. `copy`: the rest is written. `compare`: the target is read again. */
  readonly step: 'find' | 'copy' | 'compare';
  /** Of the step, from 0 to 1. */
  readonly share: number;
  /** Events of this step so far. */
  readonly events: number;
}

export interface CopyOptions {
  /** May be written meanwhile; what is appended after the copy began is left to the next run. */
  readonly from: EventStore;
  /** Empty, or an earlier and perhaps broken-off copy of the same source; nobody else may write into it. */
  readonly to: EventStore;
  readonly onProgress?: (progress: CopyProgress) => void;
}

export interface Copied {
  /** A position of the source: everything up to here is in the target. */
  readonly until: Position;
  /** Events that were in the target already. */
  readonly found: number;
  readonly copied: number;
  /** Of finding and copying, without the comparison. */
  readonly seconds: number;
  /** The source up to `until`, and the whole target. */
  readonly source: LedgerSummary;
  readonly target: LedgerSummary;
  readonly same: boolean;
}

/**
 * Copies a ledger into another store: ids, types, bytes and revisions exactly, everybody's events in their order, and
 * the whole in the order of the source as nearly as appends in flight allow. It may be broken off at any moment and begun
 * again: what is there is found by looking at the target, so nothing is written twice and nothing is left out. Resolves
 * after both sides were compared. Rejects with `CopyRefused` where the target is neither empty nor a copy of this source,
 * and with the stores' own errors.
 */
export async function copyLedger({ from, to, onProgress = () => undefined }: CopyOptions): Promise<Copied> {
  if (from.ledgerId === to.ledgerId) throw new CopyRefused('source and target are one and the same ledger');
  const began = performance.now();
  const source = new Source(from, await from.head(), onProgress);
  const writer = new CopyWriter(to);
  const found = await findCopied(source, to);
  for (const event of found.missing) await writer.add(event);
  source.step = 'copy';
  for (let event = await source.next(); event; event = await source.next()) {
    await writer.add(event);
    // The first event stands alone at first, so that the beginning of a target always tells whose copy it is.
    if (found.events + writer.written === 0) await writer.finish();
  }
  await writer.finish();
  const seconds = (performance.now() - began) / 1_000;
  const ours = source.digest.summary();
  const target = await summaryOfTarget(to, ours.events, onProgress);
  const same = isSameLedger(ours, target);
  return { until: source.until, found: found.events, copied: writer.written, seconds, source: ours, target, same };
}

/** The source's events one after the other, each counted once. */
class Source {
  readonly digest = new LedgerDigest();
  step: 'find' | 'copy' = 'find';
  private events = 0;
  private readonly scan: AsyncGenerator<StoredEvent, void>;

  constructor(
    from: EventStore,
    readonly until: Position,
    private readonly onProgress: (progress: CopyProgress) => void,
  ) {
    this.scan = eventsUpTo(from, until);
  }

  async next(): Promise<StoredEvent | undefined> {
    const { value } = await this.scan.next();
    if (!value) return undefined;
    this.digest.add(value);
    this.events += 1;
    this.onProgress({ step: this.step, share: depthOf(value.position) / depthOf(this.until), events: this.events });
    return value;
  }
}

interface Found {
  readonly events: number;
  /** Events of the source that the target lacks although later ones are there, in the order of the source. */
  readonly missing: readonly StoredEvent[];
}

/** Reads the two side by side as far as the target goes. */
async function findCopied(source: Source, to: EventStore): Promise<Found> {
  const ahead = new Map<string, StoredEvent>();
  let events = 0;
  for await (const event of eventsUpTo(to)) {
    const own = await ownOf(event, source, ahead, events === 0 ? 1 : COPY_WINDOW);
    if (!own) throw new CopyRefused(strangerAt(event.position));
    if (!holdsTheSame(own, event)) throw new CopyRefused(`the event at ${event.position} of the target was altered`);
    events += 1;
  }
  return { events, missing: [...ahead.values()] };
}

/** The source's event with that id at that place; undefined where it is none of the next `window` ones. */
async function ownOf(
  event: StoredEvent,
  source: Source,
  ahead: Map<string, StoredEvent>,
  window: number,
): Promise<StoredEvent | undefined> {
  const wanted = placeOf(event);
  while (!ahead.has(wanted) && ahead.size < window) {
    const next = await source.next();
    if (!next) return undefined;
    ahead.set(placeOf(next), next);
  }
  const own = ahead.get(wanted);
  ahead.delete(wanted);
  return own;
}

function placeOf({ id, stream, revision }: StoredEvent): string {
  return `${id.toLowerCase()} ${revision} ${stream}`;
}

function holdsTheSame(one: StoredEvent, other: StoredEvent): boolean {
  return one.type === other.type && isEqual(one.data, other.data) && isEqual(one.metadata, other.metadata);
}

function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

function strangerAt(position: Position): string {
  return `the target is neither empty nor a copy of this source: the source has no such event as that at ${position}`;
}

function summaryOfTarget(to: EventStore, total: number, onProgress: (progress: CopyProgress) => void) {
  let events = 0;
  return summaryOf(to, {
    onEvent: () => {
      events += 1;
      onProgress({ step: 'compare', share: Math.min(1, events / total), events });
    },
  });
}
