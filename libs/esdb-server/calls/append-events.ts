import { RevisionConflict, depthOf, type AppendOptions, type NewEvent } from '#event-store';
import type { Context } from '../context.js';
import type { Written, WrongVersion } from '../messages/append.js';
import type { Expectation, Target } from '../messages/shared.js';
import { accessDenied, invalid, streamDeleted } from '../refusal.js';
import { isMetastream } from '../system-streams.js';

/** Where the revision is exactly the expected one it looks at no ids. */
const AS_EVENTSTOREDB: AppendOptions = { repeats: 'kept' };

export type AppendOutcome = Written | { readonly wrong: WrongVersion };

/**
 * One append of either call. Resolves once it is durable; rejects with a `Refusal` or what the store rejects with.
 * It reaches the store without a pause between, so that what comes together is committed together.
 */
export async function appendEvents(
  context: Context,
  { stream, expected }: Target,
  events: readonly NewEvent[],
): Promise<AppendOutcome> {
  if (events.length === 0) throw invalid('an append holds at least one event');
  if (isMetastream(stream)) return appendMetadata(context, { stream, expected }, events);
  if (stream.startsWith('$')) throw accessDenied('names that begin with $ are not for events here');
  if (context.system.isTombstoned(stream)) throw streamDeleted(stream);
  const revision = await revisionFor(context, stream, expected);
  if (typeof revision === 'object') return revision;
  try {
    const appended = await context.store.append(stream, events, revision, AS_EVENTSTOREDB);
    return { revision: Number(appended.revision), n: depthOf(appended.position) };
  } catch (error) {
    if (error instanceof RevisionConflict) return { wrong: { expected, actual: revisionOf(error.actual) } };
    throw error;
  }
}

function appendMetadata(context: Context, { stream, expected }: Target, events: readonly NewEvent[]): AppendOutcome {
  const result = context.system.append(stream, events, expected);
  if ('conflictAt' in result) return { wrong: { expected, actual: result.conflictAt } };
  return { revision: result.revision, n: undefined };
}

/** The store's word for what is expected. Only a truncated stream, and one that must exist, have to be looked at. */
async function revisionFor(
  { store, system }: Context,
  stream: string,
  expected: Expectation,
): Promise<string | { readonly wrong: WrongVersion }> {
  const before = system.truncatedBefore(stream);
  if (expected !== 'exists' && (expected !== 'none' || before === 0)) return String(expected);
  const [last] = await store.readStream(stream, { direction: 'backwards', limit: 1 });
  const isThere = last !== undefined && Number(last.revision) >= before;
  if (expected === 'none') return isThere || last === undefined ? 'none' : last.revision;
  return isThere ? 'any' : { wrong: { expected, actual: undefined } };
}

function revisionOf(actual: string): number | undefined {
  return actual === 'none' ? undefined : Number(actual);
}
