import { type EventStore, type Position } from '#event-store';
import { CHANGE_PREFIXES, readChanges } from './read-changes.js';
import type { ToldChange } from './told.js';
import type { Turn, Turns } from './turns.js';

/** Events of all businesses that are read at once. */
const PAGE_EVENTS = 500;

/** What is before the live end: one watcher's way through the ledger, a page at a time, when it is its turn. */
export class History {
  private page: readonly ToldChange[] = [];
  private next = 0;
  private turn: Turn | undefined;
  private ended = false;

  constructor(
    private readonly store: EventStore,
    private readonly turns: Turns,
    private readonly businessId: string,
    private readAt: Position,
  ) {}

  /** Everything up to here has been taken, once `take` has nothing more. */
  get position(): Position {
    return this.readAt;
  }

  /** The next change of the page; undefined where it is used up. */
  take(): ToldChange | undefined {
    const told = this.page[this.next];
    if (told === undefined) return undefined;
    this.next += 1;
    if (this.next === this.page.length) this.release();
    return told;
  }

  /** Reads a page, from the last change that was taken on. Resolves with whether it ended where the ledger ends. */
  async read(): Promise<boolean> {
    const turn = await this.turns.take();
    try {
      if (this.ended) return false;
      const page = await this.store.readAll({ from: this.readAt, prefixes: CHANGE_PREFIXES, limit: PAGE_EVENTS });
      const changes = await readChanges(this.store, page.events);
      const own = changes.filter(({ businessId }) => businessId === this.businessId);
      if (this.ended) return false;
      this.keep(
        own.map((change) => change.told()),
        page.position,
        turn,
      );
      return page.atEnd;
    } finally {
      if (this.turn !== turn) turn.end();
    }
  }

  /** Gives back what it holds. Idempotent. */
  end(): void {
    this.ended = true;
    this.release();
  }

  private keep(page: readonly ToldChange[], position: Position, turn: Turn): void {
    const before = this.readAt;
    this.page = page;
    this.next = 0;
    this.readAt = position;
    if (page.length === 0) return;
    this.turn = turn;
    turn.hold(() => {
      this.readAt = page[this.next - 1]?.position ?? before;
      this.release();
    });
  }

  private release(): void {
    this.page = [];
    this.next = 0;
    this.turn?.end();
    this.turn = undefined;
  }
}
