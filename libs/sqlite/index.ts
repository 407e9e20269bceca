export { openDatabase, syncDirectory, type OpenDatabaseOptions, type SqliteDatabase } from './database.js';
export { StorageError, storageErrorOf, type StorageProblem } from './storage-error.js';
export { checkpointerOf, transactionOf, type Checkpointer, type TransactionControl } from './transaction.js';
export { JobFailed, type Batch, type WriterProgram } from './batch.js';
export { GuardedWriter, type WriterStatus } from './guarded-writer.js';
export { WriterOverloaded, type Lane, type LaneLimits } from './lanes.js';
export { openGroupWriter, type GroupWriter, type GroupWriterOptions } from './group-writer.js';
export { serveGroupWriter } from './serve-group-writer.js';
export { workerUrl } from './worker-url.js';
