/** The program of the thread that moves a log into its database; it serves the thread that writes there. */
import { parentPort, workerData } from 'node:worker_threads';
import Database from 'better-sqlite3';
import { failureOf } from './batch.js';
import type { Moved } from './checkpoint.js';

/** Opened for each move: a connection that stays open would keep the writer's from being the last to close. */
function move(file: string): Moved {
  let db: Database.Database | undefined;
  try {
    db = new Database(file, { fileMustExist: true });
    db.pragma('synchronous = FULL');
    db.pragma('wal_checkpoint(PASSIVE)');
    return {};
  } catch (error) {
    return { failure: failureOf(error) };
  } finally {
    db?.close();
  }
}

parentPort?.on('message', () => parentPort?.postMessage(move(workerData as string)));
