export * from './port.js';
export * from './envelope.js';
export * from './follow.js';
export * from './ledger-started.js';
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
