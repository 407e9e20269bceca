import type { Position } from '#event-store';
import { isText, PostgresError, textArray, type Postgres } from '#postgres';
import { businessesOf } from '../business-codec.js';
import { decodeUnlessDamaged, encode } from '../codec.js';
import type { DamagedRows } from '../damaged-rows.js';
import { ViewMoved, type BusinessRow, type RecipientRow, type Snapshot, type ViewChanges } from '../port.js';
import type { ViewStore } from '../port.js';
import { ViewUnusable, type StoredBusiness } from '../view-database.js';
import type { GenerationState } from './generations.js';
import { statementsOf, type GenerationStatements } from './statements.js';

/** Another generation has taken this one's place, or its tables are dropped already. */
export class GenerationGone extends Error {}

export interface Found {
  readonly rows: ReadonlyMap<string, RecipientRow>;
  /** Recipients who have a row that cannot be read. */
  readonly damaged: ReadonlySet<string>;
  readonly position: Position | undefined;
  readonly generation: number;
}

type StoredRow = readonly [recipientId: string | null, businessId: string | null, state: string];

const UNDEFINED_TABLE = '42P01';
const UNIQUE_VIOLATION = '23505';
const NOBODY_NEW: ReadonlySet<string> = new Set();

/** One generation of the view. Everything rejects with `GenerationGone` where it is not in the state that it is taken for. */
export class Generation implements ViewStore {
  readonly #statements: GenerationStatements;

  constructor(
    private readonly postgres: Postgres,
    readonly number: number,
    private readonly state: GenerationState = 'current',
  ) {
    this.#statements = statementsOf(number, state);
  }

  async position(): Promise<Position | undefined> {
    const [row] = await this.#ask<[Position | null, GenerationState]>('position');
    return this.#positionIn(row);
  }

  async read(recipientIds: readonly string[]): Promise<Snapshot> {
    const { rows, damaged, position } = await this.find(recipientIds);
    if (damaged.size > 0) throw new ViewUnusable('DAMAGED');
    return { position, rows: recipientIds.map((recipientId) => rows.get(recipientId)) };
  }

  /** The rows of these recipients, and the position of the very copy that they are from. What is no text is unknown. */
  async find(recipientIds: readonly string[]): Promise<Found> {
    const [about, ...stored] = await this.#ask<StoredRow>('read', [textArray(recipientIds.filter(isText))]);
    const position = this.#positionIn(about && [about[1], about[2] as GenerationState]);
    const [rows, damaged] = [new Map<string, RecipientRow>(), new Set<string>()];
    for (const [recipientId, businessId, packed] of stored as readonly (readonly [string, string, string])[]) {
      const state = decodeUnlessDamaged(packed, recipientId);
      if (state === undefined) damaged.add(recipientId);
      else rows.set(recipientId, { businessId, state });
    }
    return { rows, damaged, position, generation: this.number };
  }

  /** Those that cannot be read come from the ledger; without it rejects with `ViewUnusable`. */
  async businesses(damagedRows?: DamagedRows): Promise<readonly BusinessRow[]> {
    return businessesOf(await this.#ask<StoredBusiness>('businesses'), damagedRows);
  }

  /**
   * One statement, and so one transaction: position and rows, or neither. A stream whose name is no text here was written
   * by a stranger, and nobody can ask about whom it names: they stay unknown.
   */
  async commit(changes: ViewChanges): Promise<void> {
    try {
      await this.#commit(changes, changes.newcomers ?? NOBODY_NEW);
    } catch (error) {
      // A row that could not be read, and of whom the ledger tells nothing, is there nevertheless.
      if (!(error instanceof PostgresError) || error.sqlState !== UNIQUE_VIOLATION) throw error;
      await this.#commit(changes, NOBODY_NEW);
    }
  }

  async #commit(changes: ViewChanges, newcomers: ReadonlySet<string>): Promise<void> {
    const { recipients, businesses, from, to } = changes;
    const rows = [...recipients].filter(([id, { businessId }]) => isText(id) && isText(businessId)).sort(byKey);
    const [[moved] = [0]] = await this.#ask<[number]>('commit', [
      from ?? null,
      to,
      ...recipientColumns(rows.filter(([id]) => newcomers.has(id))).map(textArray),
      ...recipientColumns(rows.filter(([id]) => !newcomers.has(id))).map(textArray),
      ...businessColumns([...businesses.values()].filter(({ businessId }) => isText(businessId))).map(textArray),
    ]);
    if (moved !== 1) throw new ViewMoved('another projector moved the view');
  }

  async close(): Promise<void> {}

  async #ask<Row extends readonly unknown[]>(what: keyof GenerationStatements, values?: readonly unknown[]) {
    try {
      return await this.postgres.query<Row>(this.#statements[what], values);
    } catch (error) {
      if (error instanceof PostgresError && error.sqlState === UNDEFINED_TABLE) throw new GenerationGone();
      throw error;
    }
  }

  #positionIn(row: readonly [position: Position | null, state: GenerationState] | undefined): Position | undefined {
    if (row?.[1] !== this.state) throw new GenerationGone();
    return row[0] ?? undefined;
  }
}

/** In the order of the index, whose pages are then each gone to once. */
function byKey([one]: readonly [string, RecipientRow], [other]: readonly [string, RecipientRow]): number {
  return one < other ? -1 : 1;
}

function recipientColumns(rows: readonly (readonly [string, RecipientRow])[]): readonly (readonly string[])[] {
  return [
    rows.map(([id]) => id),
    rows.map(([, { businessId }]) => businessId),
    rows.map(([id, { state }]) => encode(state, id)),
  ];
}

function businessColumns(businesses: readonly BusinessRow[]): readonly (readonly string[])[] {
  return [
    businesses.map(({ businessId }) => businessId),
    businesses.map(({ revision }) => revision),
    businesses.map(({ state }) => JSON.stringify(state)),
  ];
}
