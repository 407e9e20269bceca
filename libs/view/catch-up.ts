import { hasReached, type AllPage, type EventStore, type Position } from '#event-store';
import { askRows, changesOf, turnOfTheEventLoop, type AskedRows } from './advance.js';
import type { ViewChanges, ViewStore } from './port.js';
import { VIEW_PREFIXES, type UnreadableEvent } from './project.js';

export interface CatchUpOptions {
  readonly until: Position;
  readonly batchSize: number;
  readonly onUnreadable: (event: UnreadableEvent) => void;
  readonly signal: AbortSignal;
}

/** The next events, and the rows that they touch as they were when these were asked for. */
interface Next {
  readonly page: AllPage;
  readonly asked: AskedRows;
}

/**
 * Brings a view to `until` or past it. While a batch is being folded the one before it is being committed and the rows of
 * the one behind it are on their way, so that nobody waits for the storage who could be folding. Rejects where the signal
 * aborts first.
 */
export async function catchUp(storage: ViewStore, store: EventStore, options: CatchUpOptions): Promise<void> {
  const view = storage.forProjector ?? storage;
  const { until, onUnreadable, signal } = options;
  const commits = new Commits(view);
  let ahead: Promise<Next> | undefined;
  try {
    let at = await view.position();
    while (at === undefined || !hasReached(at, until)) {
      signal.throwIfAborted();
      const { page, asked } = await (ahead ?? readNext(view, store, at, options));
      const isLast = page.atEnd || hasReached(page.position, until);
      ahead = isLast ? undefined : readNext(view, store, page.position, options);
      const { from, changes } = await changesOf(view, { ...page, after: at }, onUnreadable, asked, commits.latest);
      await commits.add(changes);
      if (page.atEnd && !hasReached(page.position, until)) throw new Error('the ledger ends before the position');
      at = changes === undefined ? from : page.position;
      // Where there is nothing to commit, another moved the view on, or it went back: from there, then.
      if (changes === undefined) ahead = undefined;
      // The commit leaves for the storage by then: a ledger on this thread is read while the storage works.
      await turnOfTheEventLoop();
    }
    await commits.done();
  } finally {
    await Promise.allSettled([commits.done(), ahead?.then(({ asked }) => asked.snapshot)]);
  }
}

function readNext(
  view: ViewStore,
  store: EventStore,
  from: Position | undefined,
  { batchSize: limit }: CatchUpOptions,
): Promise<Next> {
  const next = store
    .readAll({ ...(from === undefined ? {} : { from }), prefixes: VIEW_PREFIXES, limit })
    .then((page) => ({ page, asked: askRows(view, page.events) }));
  // It may fail before anybody waits for it, and nobody does where the view turns out to be elsewhere.
  next.catch(() => undefined);
  return next;
}

/** Changes on their way to the storage, each sent when the one before it is there. */
class Commits {
  #latest: readonly ViewChanges[] = [];
  #last: Promise<void> = Promise.resolve();

  constructor(private readonly view: ViewStore) {}

  /**
   * Those that rows asked for before the last was sent may lack: the last one, and the one that was under way then. The
   * last may lead on from further than that one led, where another moved the view in between: then it stands alone.
   */
  get latest(): readonly ViewChanges[] {
    return this.#latest;
  }

  /** Rejects where the changes before could not be committed. Nothing to commit: what was sent is no longer built upon. */
  async add(changes: ViewChanges | undefined): Promise<void> {
    await this.#last;
    const before = this.#latest.at(-1);
    if (changes === undefined) this.#latest = [];
    else this.#latest = before !== undefined && before.to === changes.from ? [before, changes] : [changes];
    if (changes === undefined) return;
    this.#last = this.view.commit(changes);
    // It may fail before anybody waits for it.
    this.#last.catch(() => undefined);
  }

  done(): Promise<void> {
    return this.#last;
  }
}
