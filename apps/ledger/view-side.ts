import type { Ledger } from '#event-store';
import type { Clock, Config, Log, Metrics } from '#platform';
import type { Postgres } from '#postgres';
import { LiveView, openSharedView, ViewUnusable, type SharedView } from '#view';

export interface ViewParts {
  readonly store: Ledger;
  readonly clock: Clock;
  readonly log: Log;
  readonly metrics: Metrics;
}

/** The eligibility view: a file of this process alone, or the rows that it shares with other replicas. */
export async function openView(config: Config, parts: ViewParts, postgres: Postgres | undefined): Promise<LiveView> {
  const { store, clock, metrics } = parts;
  const shared = postgres && (await openShared(config, parts, postgres));
  const view = await LiveView.open({
    store,
    dataDir: config.dataDir,
    clock,
    limits: config.view,
    ...(shared ? { shared } : {}),
    ...reportsOf(parts),
  });
  metrics.watch({ queued: () => store.status().queued, viewLagMs: () => view.status().lagMs });
  return view;
}

function openShared({ database }: Config, { store, log }: ViewParts, postgres: Postgres): Promise<SharedView> {
  return openSharedView(postgres, {
    ledger: store,
    recentMax: database?.recentMax ?? 1,
    onUnusable: onUnusable(log),
    onDamagedRow: onDamagedRow(log),
  });
}

const OF_ANOTHER = 'the view file is of another ledger or form and is made anew, as after a move or an upgrade';

/** What is said of each reason for which a view was not used at the start; an error where somebody has to do something. */
const WORDS: Readonly<Record<ViewUnusable['why'], readonly ['warn' | 'error', string]>> = {
  PAST_HEAD: [
    'error',
    'the ledger ends before its view: acknowledged events may be missing from it, opt-outs among them. The view is made ' +
      'anew without them. Stop senders, and tell the service again what is missing: see docs/operations/keeping.md',
  ],
  FOREIGN_LEDGER: ['warn', OF_ANOTHER],
  OTHER_FORM: ['warn', OF_ANOTHER],
  DAMAGED: ['error', 'the view is damaged and is made anew'],
  UNREADABLE: [
    'error',
    'the view cannot be opened or read and is made anew: look at the disk, and at whose the files are',
  ],
};

/** `keptAs` names the file that the old view was kept in. */
function onUnusable(log: Log) {
  return (error: ViewUnusable, keptAs?: string): void => {
    const [level, words] = WORDS[error.why];
    log[level]({ err: error, reason: error.why, ...(keptAs === undefined ? {} : { file: keptAs }) }, words);
  };
}

/** While the process runs: the file in use, or one that was offered in its place, which is then left where it is. */
const FILE_UNUSABLE =
  'a view file cannot be used: the one in use is made anew, one offered in its place is not taken up';

function wordsFor(error: unknown): string {
  return error instanceof ViewUnusable ? FILE_UNUSABLE : 'the view could not follow the ledger and tries again';
}

function onDamagedRow(log: Log) {
  return () => log.error({}, 'a row of the view cannot be read; what it is about is read from the ledger');
}

function reportsOf({ log, metrics }: ViewParts) {
  return {
    onDamagedRow: onDamagedRow(log),
    onUnusable: onUnusable(log),
    onError: (error: unknown) => log.error({ err: error }, wordsFor(error)),
    onUnreadable: () => {
      metrics.unreadable();
      log.error({}, 'an event of the ledger cannot be read; its recipient is answered no');
    },
  };
}
