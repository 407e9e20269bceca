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
