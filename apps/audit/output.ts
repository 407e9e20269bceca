import { open, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { ReaderGone, Trouble } from './failures.js';

/** Where the result goes. A write resolves once it is taken, so that no more than one of them is in memory. */
export interface Output {
  /** Rejects with `ReaderGone` where nobody reads any more. */
  write(text: string): Promise<void>;
  /** All of it is there. */
  finish(): Promise<void>;
  /** What was written is not the whole. */
  discard(): Promise<void>;
}

export function toStream(stream: Writable): Output {
  const nothing = () => Promise.resolve();
  // The error is told to the write that failed; without a listener it would end the process besides.
  stream.on('error', () => undefined);
  return { write: (text) => writeTo(stream, text), finish: nothing, discard: nothing };
}

function writeTo(stream: Writable, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(text, (error) => {
      if (!error) return resolve();
      const isGone = ['EPIPE', 'ERR_STREAM_DESTROYED'].includes(codeOf(error));
      reject(isGone ? new ReaderGone() : new Trouble(`the output cannot be written (${codeOf(error)})`));
    });
  });
}

/**
 * A file with mode 0600 that appears under its name when it is whole, in place of what was there. What is no ordinary
 * file (a device, a named pipe) is written to as it is. Rejects with `Trouble`.
 */
export async function toFile(file: string): Promise<Output> {
  const known = await stat(file).catch(() => undefined);
  if (known?.isDirectory()) throw new Trouble('--out names a directory: name a file in it');
  const draft = known === undefined || known.isFile() ? `${file}.${process.pid}.part` : undefined;
  const handle = await plainly(() => open(draft ?? file, draft === undefined ? 'w' : 'wx', 0o600));
  return {
    write: (text) => plainly(() => handle.appendFile(text)),
    finish: () => plainly(() => putInPlace(handle, draft, file)),
    discard: async () => {
      await handle.close();
      if (draft !== undefined) await rm(draft, { force: true });
    },
  };
}

async function putInPlace(handle: FileHandle, draft: string | undefined, file: string): Promise<void> {
  if (draft !== undefined) await handle.sync();
  await handle.close();
  if (draft !== undefined) await rename(draft, file);
}

async function plainly<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new Trouble(`the file of --out cannot be written (${codeOf(error)})`, { cause: error });
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}
