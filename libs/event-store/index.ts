export * from './port.js';
export * from './envelope.js';
export * from './follow.js';
export * from './ledger-started.js';
export { LEDGER_FILE, LOCK_FILES, giveNewLedgerId, keepOut, snapshotLedger } from './sqlite/keeping.js';
export type { Ledger, LedgerStatus } from './status.js';
export { openEventStoreDb } from './eventstoredb/open.js';
export type { EventStoreDb } from './eventstoredb/store.js';
export { EVENTSTOREDB_DEFAULTS, type EventStoreDbOptions, type EventStoreDbReport } from './eventstoredb/terms.js';
export { DataDirectoryInUse } from './sqlite/data-directory.js';
export {
  openSqliteStore,
  SQLITE_STORE_DEFAULTS,
  type SqliteStore,
  type SqliteStoreOptions,
  type SqliteStoreStatus,
} from './sqlite/store.js';
export { CopyRefused, copyLedger, type Copied, type CopyOptions, type CopyProgress } from './copy.js';
export { isSameLedger, summaryOf, type LedgerSummary } from './ledger-digest.js';
export { NEWEST_SCHEMA, upcast, type EventData, type Upcast, type Upcaster, type Upcasters } from './upcast.js';
