import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, statfsSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { SqliteDatabase } from './database.js';
import { whereRoomAllows } from './storage-error.js';

const FRAME_HEADER_BYTES = 24;

/** Four mebibytes: enough for the files of others on the same disk to be opened and written for a while. */
const LEFT_FREE_BYTES = 4 * 1024 * 1024;

/**
 * Gives the log its blocks beforehand, filled with zeros, which SQLite reads as its end. A sync then writes data alone
 * and not the file system's journal as well (a third faster here), and a full disk meets the log later. Where that would
 * leave less than `leaveBytes` free, the log stays as it is and grows as it is written. Nobody else may write there
 * meanwhile.
 */
export function extendLog(db: SqliteDatabase, pages: number, leaveBytes = LEFT_FREE_BYTES): void {
  const handle = openSync(`${db.name}-wal`, 'r+');
  try {
    const pageBytes = Number(db.pragma('page_size', { simple: true })) + FRAME_HEADER_BYTES;
    const { size } = fstatSync(handle);
    const missing = pages * pageBytes - size;
    if (missing <= 0 || freeBytes(dirname(db.name)) < missing + leaveBytes) return;
    whereRoomAllows(() => layOut(handle, size, size + missing, pageBytes));
  } finally {
    closeSync(handle);
  }
}

/** Of the disk that a directory is on, for whoever is not the superuser. */
export function freeBytes(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize;
}

/**
 * A page at a time, since the kernel keeps what is written at once in pieces as large, and looks through a whole piece
 * for each page that is written there later. What a quota stops half way is given back: it would be room that others lack.
 */
function layOut(handle: number, from: number, to: number, pageBytes: number): void {
  try {
    const page = Buffer.alloc(pageBytes);
    for (let at = from; at < to;) at += writeSync(handle, page, 0, pageBytes, at);
    fsyncSync(handle);
  } catch (error) {
    ftruncateSync(handle, from);
    throw error;
  }
}
