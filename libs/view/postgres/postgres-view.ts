import { setTimeout as pause } from 'node:timers/promises';
import { hasReached, type EventStore, type Position } from '#event-store';
import { Gathered, migrate, type Postgres } from '#postgres';
import { DamagedRows } from '../damaged-rows.js';
import { ViewMoved, ViewWentBack } from '../port.js';
import type { BusinessRow, Snapshot, ViewChanges, ViewStore } from '../port.js';
import { ViewUnusable } from '../view-database.js';
import { Generation, GenerationGone } from './generation.js';
import { Generations } from './generations.js';
import { VIEW_MIGRATIONS } from './schema.js';

export interface OpenPostgresViewOptions {
  readonly ledger: Pick<EventStore, 'ledgerId' | 'head' | 'readStream'>;
  /** Hears why a view was put aside, an empty one taking its place. */
  readonly onUnusable?: (error: ViewUnusable) => void;
  /** Told of each row that cannot be read, and what it is about is read from the ledger instead. */
  readonly onDamagedRow?: () => void;
  /** How long a ledger that ends before the view is looked at again, in milliseconds. */
  readonly doubtMs?: number;
}

/** Longer than a leader that was cut off from the others takes itself for the leader. */
const DOUBT_MS = 10_000;
const LOOK_EVERY_MS = 250;

/**
 * Opens this ledger's view in a database, made where there is none or where it cannot be used; several replicas may at
 * once. Rejects with `PostgresError`.
 */
export async function openPostgresView(postgres: Postgres, options: OpenPostgresViewOptions): Promise<PostgresView> {
  await migrate(postgres, VIEW_MIGRATIONS);
  const generations = new Generations(postgres, options.ledger.ledgerId);
  const { ledger, onDamagedRow = () => undefined } = options;
  const damagedRows = () => new DamagedRows(ledger, onDamagedRow);
  const parts = { postgres, generations, damagedRows };
  let view = new PostgresView(parts, await generations.inUse());
  const asked = isOfALostLedger(await view.position(), options);
  if (await postgres.waitFor('the ledger to come to where the view is', asked)) {
    options.onUnusable?.(new ViewUnusable('PAST_HEAD'));
    await view.makeAnew();
    // One that has not seen how far the old one had come, and so does not wait for the new one to come there.
    view = new PostgresView(parts, view.generation);
  }
  await generations.sweep();
  return view;
}

/**
 * Whether the view claims to know more than the ledger holds. The ledger is asked after the view, and again for a while: a
 * leader that was cut off tells of an older end, and all replicas would begin anew for it.
 */
async function isOfALostLedger(
  position: Position | undefined,
  { ledger, doubtMs = DOUBT_MS }: OpenPostgresViewOptions,
): Promise<boolean> {
  const untilMs = performance.now() + doubtMs;
  while (position !== undefined && !hasReached(await ledger.head(), position)) {
    if (performance.now() >= untilMs) return true;
    await pause(LOOK_EVERY_MS);
  }
  return false;
}

interface PostgresViewParts {
  readonly postgres: Postgres;
  readonly generations: Generations;
  /** For a generation that is read from now on. */
  readonly damagedRows: () => DamagedRows;
}

const OTHERS_IN_USE = 'another generation of the view is in use';

/** Exchanged between two tries, and again between the next two: somebody makes views anew without end. */
const MOST_TRIES = 5;

/**
 * The view of one ledger in PostgreSQL, for any number of processes: whichever generation is in use. The database may be
 * exchanged for an older copy of itself, which is found out by how far this process has seen the view.
 */
export class PostgresView implements ViewStore {
  readonly forProjector: ViewStore = {
    position: () => this.position(),
    read: (recipientIds) => this.#snapshotOf(recipientIds),
    businesses: () => this.businesses(),
    commit: (changes) => this.commit(changes),
    close: () => this.close(),
  };
  readonly #reads = new Gathered((asked: readonly (readonly string[])[]) => {
    const recipientIds = asked.length === 1 ? (asked[0] ?? []) : asked.flat();
    return this.#inUse((generation) => generation.find(recipientIds));
  });
  #generation: Generation;
  #damagedRows: DamagedRows;
  #seen: Position | undefined;

  constructor(
    private readonly parts: PostgresViewParts,
    inUse: number,
  ) {
    this.#generation = new Generation(parts.postgres, inUse);
    this.#damagedRows = parts.damagedRows();
  }

  /** Which generation was in use when it was last asked anything. */
  get generation(): number {
    return this.#generation.number;
  }

  async position(): Promise<Position | undefined> {
    const position = await this.#inUse((generation) => generation.position());
    this.#note(position);
    return position;
  }

  /** Rejects with `ViewWentBack`, `PostgresError`, or `ViewUnusable` where `makeAnew` mends it. */
  async read(recipientIds: readonly string[]): Promise<Snapshot> {
    // What is seen while this is under way may well be ahead of what it finds.
    const seen = this.#seen;
    const { position, rows } = await this.#snapshotOf(recipientIds);
    if (seen === undefined || (position !== undefined && hasReached(position, seen))) return { position, rows };
    throw new ViewWentBack(seen, position);
  }

  businesses(): Promise<readonly BusinessRow[]> {
    return this.#inUse((generation) => generation.businesses(this.#damagedRows));
  }

  async commit(changes: ViewChanges): Promise<void> {
    const { generation = this.generation } = changes;
    // The position may well be the same: whatever made somebody make the rows anew must not come back into them.
    if (generation !== this.generation) throw new ViewMoved(OTHERS_IN_USE);
    try {
      await this.#generation.commit(changes);
    } catch (error) {
      if (error instanceof GenerationGone) throw new ViewMoved(OTHERS_IN_USE);
      throw error;
    }
    this.#note(changes.to);
  }

  /** Puts an empty generation in place of the one that this process reads; another replica may have done so before. */
  async makeAnew(): Promise<void> {
    this.#take(await this.parts.generations.makeAnew(this.#generation.number));
  }

  /** Leaves the database open: it is not the view's alone. */
  async close(): Promise<void> {}

  async #snapshotOf(recipientIds: readonly string[]): Promise<Snapshot> {
    const { rows, damaged, position, generation } = await this.#reads.ask(recipientIds, recipientIds.length);
    this.#note(position);
    const mine = damaged.size === 0 ? [] : recipientIds.filter((recipientId) => damaged.has(recipientId));
    const folded = mine.length === 0 ? rows : await this.#damagedRows.read(mine, position);
    const found = recipientIds.map((recipientId) => rows.get(recipientId) ?? folded.get(recipientId));
    return { position, rows: found, generation };
  }

  async #inUse<T>(ask: (generation: Generation) => Promise<T>, tries = MOST_TRIES): Promise<T> {
    try {
      return await ask(this.#generation);
    } catch (error) {
      if (!(error instanceof GenerationGone) || tries === 1) throw error;
    }
    this.#take(await this.parts.generations.inUse());
    return this.#inUse(ask, tries - 1);
  }

  #take(inUse: number): void {
    if (inUse === this.#generation.number) return;
    this.#generation = new Generation(this.parts.postgres, inUse);
    this.#damagedRows = this.parts.damagedRows();
  }

  #note(position: Position | undefined): void {
    if (position === undefined) return;
    if (this.#seen === undefined || hasReached(position, this.#seen)) this.#seen = position;
  }
}
