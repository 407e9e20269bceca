import { orAborted } from '#event-store';
import type { Given } from './options.js';
import { toFile, toStream, type Output } from './output.js';

export const RESULT_OPTIONS = {
  out: { value: 'FILE', help: 'write to this file, which appears when it is whole (mode 0600)' },
} as const;

/** Where a command's result goes, and whether anybody wants it to end early. */
export interface Result {
  readonly output: Output;
  /** Whether people read it as it comes. */
  readonly isTerminal: boolean;
  /** Aborts with `Interrupted`. */
  readonly signal: AbortSignal;
}

/** Runs the command with its output: whole at the end, or discarded where it fails. */
export async function withResult<T>(
  given: Given<keyof typeof RESULT_OPTIONS>,
  signal: AbortSignal,
  command: (result: Result) => Promise<T>,
): Promise<T> {
  const file = given.one('out');
  const output = file === undefined ? toStream(process.stdout) : await toFile(file);
  try {
    const isTerminal = file === undefined && process.stdout.isTTY;
    const done = await command({ output: interruptible(output, signal), signal, isTerminal });
    await output.finish();
    return done;
  } catch (error) {
    await output.discard();
    throw error;
  }
}

/** A reader that stands still must not keep the tool from ending when it is told to. */
function interruptible(output: Output, signal: AbortSignal): Output {
  return { ...output, write: (text) => orAborted(output.write(text), signal) };
}
