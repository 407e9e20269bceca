import { openFeed, type Feed } from '#feed';
import type { Parts } from './parts.js';

/** The live feed of this process: HTTP and gRPC are told by the same one. */
export function openFeedSide({
  config,
  store,
  clock,
  log,
  metrics,
}: Pick<Parts, 'config' | 'store' | 'clock' | 'log' | 'metrics'>): Feed {
  const onError = (error: unknown) => {
    log.error({ err: error }, 'the feed could not follow the ledger and tries again');
  };
  const feed = openFeed({ store, clock, limits: config.feed, onError });
  metrics.watchFeed(() => feed.status());
  return feed;
}
