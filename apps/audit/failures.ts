/** What the caller has to mend: the message names the option and the remedy, and never repeats a value. Exit code 2. */
export class UsageError extends Error {}

/** What keeps the tool from its work though the options are right, in plain words. Exit code 1. */
export class Trouble extends Error {}

/** Whoever read the output wants no more of it. That is no failure: the tool ends at once, with exit code 0. */
export class ReaderGone extends Error {}

/** A signal asked the tool to end before it was done. */
export class Interrupted extends Error {
  constructor(readonly exitCode: number) {
    super('interrupted: what was written so far is not the whole');
  }
}

const EXIT = { done: 0, trouble: 1, usage: 2 } as const;

/** The exit code of a failure, and what is said of it on stderr: nothing where nobody is left to be told. */
export function outcomeOf(error: unknown): { readonly code: number; readonly said?: string } {
  if (error instanceof ReaderGone) return { code: EXIT.done };
  if (error instanceof Interrupted) return { code: error.exitCode, said: error.message };
  const said = error instanceof Error ? error.message : String(error);
  return { code: error instanceof UsageError ? EXIT.usage : EXIT.trouble, said };
}
