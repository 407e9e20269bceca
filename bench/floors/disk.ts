import { closeSync, fdatasyncSync, openSync, rmSync, writeSync } from 'node:fs';

export interface Written {
  readonly perSecond: number;
  /** Milliseconds of each write with its sync. */
  readonly latenciesMs: Float64Array;
}

export interface DiskWork {
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly times: number;
  /** Write into room that the file has already, so that no sync has to record a new length. */
  readonly allocated?: boolean;
}

/** The floor of every durable write: the same bytes, appended to a plain file, each write synced before the next. */
export function writeAndSync({ file, bytes, times, allocated = false }: DiskWork): Written {
  const handle = openSync(file, 'w', 0o600);
  try {
    if (allocated) allocate(handle, bytes.length * times);
    const latenciesMs = new Float64Array(times);
    const began = performance.now();
    for (let index = 0; index < times; index++) {
      const started = performance.now();
      writeSync(handle, bytes, 0, bytes.length, index * bytes.length);
      fdatasyncSync(handle);
      latenciesMs[index] = performance.now() - started;
    }
    return { perSecond: (times * 1_000) / (performance.now() - began), latenciesMs };
  } finally {
    closeSync(handle);
    rmSync(file);
  }
}

const PAGE_BYTES = 4_096;

/** A page at a time, as the kernel looks through all that was written at once for each write that comes there later. */
function allocate(handle: number, length: number): void {
  const page = Buffer.alloc(PAGE_BYTES);
  for (let at = 0; at < length; at += PAGE_BYTES) writeSync(handle, page, 0, PAGE_BYTES, at);
  fdatasyncSync(handle);
}
