import { hasReached, type Position } from '#event-store';
import { Gathered, migrate, type Postgres } from '#postgres';
import { ViewMoved, ViewWentBack } from '../port.js';
import type { BusinessRow, Snapshot, ViewChanges, ViewStore } from '../port.js';
import { ViewUnusable } from '../view-database.js';
import { Generation, GenerationGone } from './generation.js';
import { Generations } from './generations.js';
import { VIEW_MIGRATIONS } from './schema.js';

export interface OpenPostgresViewOptions {
  readonly ledgerId: string;
  /** Asked after the view: a view that then claims to know more than the ledger holds belongs to one that was lost. */
  readonly head: () => Promise<Position>;
  /** Hears why a view was put aside, an empty one taking its place. */
  readonly onUnusable?: (error: ViewUnusable) => void;
}

/**
 * Opens this ledger's view in a database, made where there is none or where it cannot be used; several replicas may at
 * once. Rejects with `PostgresError`.
 */
export async function openPostgresView(postgres: Postgres, options: OpenPostgresViewOptions): Promise<PostgresView> {
  await migrate(postgres, VIEW_MIGRATIONS);
  const generations = new Generations(postgres, options.ledgerId);
  const view = new PostgresView(postgres, generations, await generations.inUse());
  const position = await view.forProjector.position();
  if (position !== undefined && !hasReached(await options.head(), position)) {
    options.onUnusable?.(new ViewUnusable('PAST_HEAD'));
    await view.makeAnew();
  }
  await generations.sweep();
  return view;
}

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
  #seen: Position | undefined;

  constructor(
    private readonly postgres: Postgres,
    private readonly generations: Generations,
    inUse: number,
  ) {
    this.#generation = new Generation(postgres, inUse);
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
    const snapshot = await this.#snapshotOf(recipientIds);
    const { position } = snapshot;
    if (seen === undefined || (position !== undefined && hasReached(position, seen))) return snapshot;
    throw new ViewWentBack(seen, position);
  }

  businesses(): Promise<readonly BusinessRow[]> {
    return this.#inUse((generation) => generation.businesses());
  }

  async commit(changes: ViewChanges): Promise<void> {
    try {
      await this.#generation.commit(changes);
    } catch (error) {
      if (error instanceof GenerationGone) throw new ViewMoved('another generation of the view is in use');
      throw error;
    }
    this.#note(changes.to);
  }

  /** Puts an empty generation in place of the one that this process reads; another replica may have done so before. */
  async makeAnew(): Promise<void> {
    this.#take(await this.generations.makeAnew(this.#generation.number));
  }

  /** Leaves the database open: it is not the view's alone. */
  async close(): Promise<void> {}

  async #snapshotOf(recipientIds: readonly string[]): Promise<Snapshot> {
    const { rows, position } = await this.#reads.ask(recipientIds, recipientIds.length);
    this.#note(position);
    return { position, rows: recipientIds.map((recipientId) => rows.get(recipientId)) };
  }

  async #inUse<T>(ask: (generation: Generation) => Promise<T>, tries = MOST_TRIES): Promise<T> {
    try {
      return await ask(this.#generation);
    } catch (error) {
      if (!(error instanceof GenerationGone) || tries === 1) throw error;
    }
    this.#take(await this.generations.inUse());
    return this.#inUse(ask, tries - 1);
  }

  #take(inUse: number): void {
    if (inUse !== this.#generation.number) this.#generation = new Generation(this.postgres, inUse);
  }

  #note(position: Position | undefined): void {
    if (position === undefined) return;
    if (this.#seen === undefined || hasReached(position, this.#seen)) this.#seen = position;
  }
}
