export * from './told.js';
export * from './ended.js';
export { openFeed, type Feed, type FeedLimits, type FeedOptions, type FeedStatus } from './feed.js';
export type { Watch, WatchOptions } from './watcher.js';
