import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Position } from '#event-store';
import type { Election, Term } from './election.js';
import { LiveView } from './live-view.js';
import type { LiveViewOptions } from './live-view-terms.js';
import { MemoryLedger } from './memory-ledger.js';
import type { BusinessRow, Snapshot, ViewChanges, ViewStore } from './port.js';
import { SqliteView } from './sqlite-view.js';
import { ViewUnusable } from './view-database.js';

/** Rows that several live views share, with the faults that a server has: away, slow to answer, an older state of itself. */
class SharedRows implements ViewStore {
  readonly directory = mkdtempSync(join(tmpdir(), 'shared-rows-'));
  away = false;
  /** Whether a reading comes upon a row that cannot be read. */
  damaged = false;
  /** How often somebody asked where they are. */
  looks = 0;
  /** Readings that were made and have not been answered yet, while `held` is set. */
  readonly waiting: (() => void)[] = [];
  held = false;
  #copies = 0;
  #rows = this.#open('view.db');

  async position(): Promise<Position | undefined> {
    this.looks += 1;
    this.#reach();
    return this.#rows.position();
  }

  async read(recipientIds: readonly string[]): Promise<Snapshot> {
    this.#reach();
    if (this.damaged) throw new ViewUnusable('DAMAGED');
    const snapshot = await this.#rows.read(recipientIds);
    if (this.held) await new Promise<void>((resolve) => this.waiting.push(resolve));
    return snapshot;
  }

  async businesses(): Promise<readonly BusinessRow[]> {
    this.#reach();
    return this.#rows.businesses();
  }

  async commit(changes: ViewChanges): Promise<void> {
    this.#reach();
    await this.#rows.commit(changes);
  }

  async close(): Promise<void> {
    this.release();
    await this.#rows.close();
    rmSync(this.directory, { recursive: true });
  }

  release(): void {
    this.held = false;
    this.waiting.splice(0).forEach((answer) => answer());
  }

  /** What `restore` brings back. */
  async backUp(): Promise<string> {
    await this.#rows.close();
    this.#copies += 1;
    const name = `copy-${this.#copies}.db`;
    copyFileSync(join(this.directory, 'view.db'), join(this.directory, name));
    this.#rows = this.#open('view.db');
    return name;
  }

  async restore(name: string): Promise<void> {
    const rows = this.#rows;
    this.#rows = this.#open(name);
    await rows.close();
  }

  /** Empty ones take their place. */
  async makeAnew(): Promise<void> {
    this.damaged = false;
    await this.restore('anew.db');
  }

  #open(name: string): SqliteView {
    return new SqliteView({ file: join(this.directory, name), ledgerId: 'ledger', cacheEntries: 1 });
  }

  #reach(): void {
    if (this.away) throw new Error('the rows are away');
  }
}

/** Chooses the one who has waited longest, while `open`. */
export class Queue implements Election {
  #candidates: (() => void)[] = [];
  #chosen: AbortController | undefined;
  #open = true;

  get open(): boolean {
    return this.#open;
  }

  /** While it is not, nobody is chosen, and who was is no longer. */
  set open(open: boolean) {
    this.#open = open;
    if (!open) this.#chosen?.abort();
    this.#next();
  }

  async stand(signal: AbortSignal): Promise<Term> {
    await new Promise<void>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
      this.#candidates.push(resolve);
      this.#next();
    });
    const chosen = (this.#chosen = new AbortController());
    const resign = async () => {
      if (this.#chosen === chosen) this.#chosen = undefined;
      this.#next();
    };
    return { over: chosen.signal, resign };
  }

  #next(): void {
    if (this.#open && this.#chosen === undefined) this.#candidates.shift()?.();
  }
}

/** One ledger, one set of shared rows, and the live views of several processes over both, for tests. */
export class SharedScene {
  readonly memory = new MemoryLedger('ledger');
  readonly rows = new SharedRows();
  readonly election = new Queue();
  readonly errors: unknown[] = [];
  monotonicMs = 0;
  wallMs = 0;
  generation = 1;
  readonly #opened: LiveView[] = [];

  async open(limits: Partial<LiveViewOptions['limits']> = {}, recentMax = 1_000): Promise<LiveView> {
    const view = await LiveView.open({
      store: this.memory,
      dataDir: this.rows.directory,
      shared: {
        view: this.rows,
        election: this.election,
        recentMax,
        generation: () => this.generation,
        makeAnew: () => this.rows.makeAnew(),
      },
      clock: { monotonic: () => this.monotonicMs, now: () => this.wallMs },
      limits: { maxLagMs: 5_000, waitForPositionMs: 10_000, cacheEntries: 100, probeIntervalMs: 5, ...limits },
      onUnreadable: () => undefined,
      onError: (error) => this.errors.push(error),
    });
    this.#opened.push(view);
    await view.whenReady();
    return view;
  }

  async close(): Promise<void> {
    this.memory.answerHead();
    this.rows.release();
    for (const view of this.#opened) await view.close();
    await this.rows.close();
  }
}
