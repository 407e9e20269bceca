import { createHash } from 'node:crypto';
import { createReadStream, rmSync } from 'node:fs';
import { mkdir, open, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

export interface FileFacts {
  readonly bytes: number;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
}

export async function factsOf(file: string): Promise<FileFacts> {
  return readThrough(file, () => Promise.resolve());
}

/** Copies a file to a place where there is none, with mode 0600 and durably, and answers what was copied. */
export async function copyFile(
  from: string,
  to: string,
  onBytes: (bytes: number) => void = () => undefined,
): Promise<FileFacts> {
  const target = await open(to, 'wx', 0o600);
  try {
    const facts = await readThrough(from, async (chunk) => {
      await target.writeFile(chunk);
      onBytes(chunk.length);
    });
    await target.sync();
    return facts;
  } finally {
    await target.close();
  }
}

async function readThrough(file: string, take: (chunk: Buffer) => Promise<void>): Promise<FileFacts> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(file) as AsyncIterable<Buffer>) {
    hash.update(chunk);
    bytes += chunk.length;
    await take(chunk);
  }
  return { bytes, sha256: hash.digest('hex') };
}

/** Makes a file with mode 0600 where there is none. */
export async function writeDurably(file: string, text: string): Promise<void> {
  const handle = await open(file, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** What ends a tool before it is done. */
const ENDINGS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Does the work in a directory made for it, with mode 0700, which is gone in the end unless it was given another name:
 * what lies in it is secret. Also where a signal ends the tool.
 */
export async function inDraft<T>(draft: string, work: () => Promise<T>): Promise<T> {
  await mkdir(draft, { mode: 0o700 });
  const end = (signal: NodeJS.Signals) => {
    try {
      rmSync(draft, { recursive: true, force: true, maxRetries: 3 });
    } finally {
      process.kill(process.pid, signal);
    }
  };
  for (const signal of ENDINGS) process.once(signal, end);
  try {
    return await work();
  } finally {
    for (const signal of ENDINGS) process.off(signal, end);
    await rm(draft, { recursive: true, force: true });
  }
}

/** Removes what tools that are no longer running left half done; `pattern` finds the number of their process. */
export async function removeAbandoned(directory: string, pattern: RegExp): Promise<void> {
  for (const name of await readdir(directory)) {
    const pid = pattern.exec(name)?.[1];
    if (pid !== undefined && !isRunning(Number(pid))) await rm(join(directory, name), { recursive: true, force: true });
  }
}

function isRunning(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
