/** The program of the thread that moves a log into its database; it serves the thread that writes there. */
import { parentPort, workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { failureOf } from './batch.js';
import type { CheckpointThreadData, Moved, ToCheckpointThread } from './checkpoint.js';

/** Opened for each move: a connection that stays open would keep the writer's from being the last to close. */
function move(path: string): Moved {
  let db: Database.Database | undefined;
  try {
    db = new Database(path, { fileMustExist: true });
    db.pragma('synchronous = FULL');
    db.pragma('wal_checkpoint(PASSIVE)');
    return {};
  } catch (error) {
    return { failure: failureOf(error) };
  } finally {
    db?.close();
  }
}

const { file, moving } = workerData as CheckpointThreadData;

parentPort?.on('message', (told: ToCheckpointThread) => {
  if (told === 'end') {
    parentPort?.close();
    return;
  }
  const moved = move(file);
  Atomics.store(moving, 0, 0);
  Atomics.notify(moving, 0);
  parentPort?.postMessage(moved);
});
