import { readFileSync } from 'node:fs';

/** Where the index of a write-ahead log counts its commits (SQLite, "WAL-Index Header", `iChange`). */
const CHANGES_AT_BYTE = 8;

/**
 * How many transactions were committed to a SQLite file in WAL mode since its log was last recovered, by whatever
 * process: two of these tell how many syncs many appends have cost. Throws where nobody has the file open.
 */
export function commitsOf(databaseFile: string): number {
  const header = readFileSync(`${databaseFile}-shm`).subarray(0, CHANGES_AT_BYTE + 4);
  // In the byte order of the machine, as everything that processes share in memory.
  return new Uint32Array(header.buffer, header.byteOffset + CHANGES_AT_BYTE, 1)[0] ?? 0;
}
