import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { RecipientState } from '#consent';
import type { Appended, EventStore, NewEvent } from '#event-store';
import { LiveView } from './live-view.js';
import type { LiveViewOptions, LookUp } from './live-view-terms.js';
import { MemoryLedger } from './memory-ledger.js';
import { readRecipientEvent, type UnreadableEvent } from './project.js';
import { openViewDatabase } from './view-database.js';

/** A data directory, a clock that a test moves, and live views over them, for tests. */
export class ViewScene {
  readonly dataDir = mkdtempSync(join(tmpdir(), 'live-view-'));
  readonly memory = new MemoryLedger('ledger');
  readonly errors: unknown[] = [];
  /** What was said of a file that was not used at the start: why, and as what it was kept. */
  readonly unusable: (readonly string[])[] = [];
  readonly unreadable: UnreadableEvent[] = [];
  damagedRows = 0;
  monotonicMs = 0;
  wallMs = 0;
  readonly #opened: LiveView[] = [];

  async open(limits: Partial<LiveViewOptions['limits']> = {}, store: EventStore = this.memory): Promise<LiveView> {
    const view = await LiveView.open({
      store,
      dataDir: this.dataDir,
      clock: { monotonic: () => this.monotonicMs, now: () => this.wallMs },
      limits: { maxLagMs: 5_000, waitForPositionMs: 10_000, cacheEntries: 100, probeIntervalMs: 5, ...limits },
      onUnreadable: (event) => this.unreadable.push(event),
      onUnusable: ({ why }, keptAs) => this.unusable.push(keptAs === undefined ? [why] : [why, keptAs]),
      onError: (error) => this.errors.push(error),
      onDamagedRow: () => (this.damagedRows += 1),
    });
    this.#opened.push(view);
    await view.whenReady();
    return view;
  }

  /** The names of the view files there are. */
  files(): readonly string[] {
    return readdirSync(this.dataDir).filter((name) => /^view-.*\.db$/.test(name));
  }

  /** Changes what a file holds that no view has open; gives how many rows. */
  write(sql: string): number {
    const db = openViewDatabase(join(this.dataDir, 'view-1.db'), this.memory.ledgerId);
    try {
      return db.prepare(sql).run().changes;
    } finally {
      db.close();
    }
  }

  async close(): Promise<void> {
    this.memory.answerHead();
    for (const view of this.#opened) await view.close();
  }

  remove(): void {
    rmSync(this.dataDir, { recursive: true });
  }
}

/** As a command handler does: append, remember, and only then acknowledge. */
export async function acknowledge(
  view: LiveView,
  store: EventStore,
  stream: string,
  event: NewEvent,
): Promise<Appended> {
  const appended = await store.append(stream, [event], 'any');
  const read = readRecipientEvent({ ...event, stream, ...appended });
  view.remember(stream.slice(stream.indexOf('-') + 1), 'acme', read.event, read.origin, appended.position);
  return appended;
}

export function stateIn(answer: LookUp, index = 0): RecipientState | undefined {
  if (!answer.ok) throw new Error(answer.reason);
  return answer.states[index];
}

export function revocationsIn(answer: LookUp, index = 0): number {
  return stateIn(answer, index)?.revocations.length ?? 0;
}

export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await pause(2);
}
