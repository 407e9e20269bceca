import {
  RevisionConflict,
  StoreUnavailable,
  readEvent,
  type Appended,
  type EventStore,
  type NewEvent,
  type ReadEvent,
} from '#event-store';
import type { RecipientState } from '#consent';
import { Refusal } from '#platform';
import type { Parts } from '../parts.js';

const PAGE = 500;
const RETRY_AFTER_MS = 1_000;
/** How long an opt-out waits for what is only to be looked at; the append behind it has a limit of its own. */
const LOOK_MS = 2_000;

/** A stream as it was read: its events, oldest first, and the revision an append must find. */
export interface History {
  readonly events: readonly ReadEvent[];
  readonly expected: string;
  /** Set where the stream could not be read: a revocation is then decided without it. */
  readonly unread?: true;
  /** What the events come to, where that is known without them; `events` is then empty. */
  readonly state?: RecipientState;
}

/** What a decision makes of a history: events to append, or an answer that needs none (a refusal, a replay). */
export type Decided<A> = { readonly events: readonly NewEvent[]; readonly answer: A } | { readonly answer: A };

export interface Handling<A> {
  readonly stream: string;
  readonly lane: 'normal' | 'revocation';
  /** Conflicts after which a normal command gives up; a revocation is then appended whatever the revision. */
  readonly maxAttempts: number;
  /** What may stand in for the stream at the first attempt; undefined where it has to be read. */
  glance?(): History | undefined;
  decide(history: History): Promise<Decided<A>>;
}

export interface Handled<A> {
  readonly answer: A;
  /** Undefined where nothing was appended. */
  readonly appended?: Appended;
}

/**
 * Reads, decides, appends at the revision read, and does it again when somebody else was faster. Resolves once the
 * events are durable; the last `RevisionConflict` is thrown to the caller of a normal command.
 */
export async function handle<A>(parts: Parts, handling: Handling<A>): Promise<Handled<A>> {
  if (handling.lane === 'normal') requireRoomToRemember(parts);
  for (let attempt = 1; ; attempt++) {
    const glanced = attempt === 1 ? handling.glance?.() : undefined;
    const history = glanced ?? (await historyFor(parts, handling));
    const decided = await handling.decide(history);
    if (!('events' in decided)) return { answer: decided.answer };
    const lastResort = attempt > handling.maxAttempts;
    const expected = lastResort && handling.lane === 'revocation' ? 'any' : history.expected;
    try {
      const appended = await timedAppend(parts, handling, decided.events, expected);
      // The same ids were there already: what stands there is the answer, not what was decided here beside it.
      // Nor is there anything more to learn of a stream that cannot be read.
      if (!appended.replayed || lastResort || history.unread) return { answer: decided.answer, appended };
    } catch (error) {
      if (!(error instanceof RevisionConflict) || lastResort) throw error;
    }
  }
}

/** While the view cannot move, all that is acknowledged stays in memory: only opt-outs may go on adding to it. */
export function requireRoomToRemember({ view, config }: Parts): void {
  if (view.remembered < config.limits.overlayMax) return;
  throw new Refusal('OVERLOADED', 'The view is too far behind the ledger.', { retryAfterMs: RETRY_AFTER_MS });
}

/** A stream that cannot be read, or not in time, does not keep an opt-out from being appended to it. */
async function historyFor<A>({ store, log }: Parts, { stream, lane }: Handling<A>): Promise<History> {
  const reading = readHistory(store, stream);
  if (lane !== 'revocation') return reading;
  try {
    return await inTime(reading);
  } catch (error) {
    log.error({ err: error }, 'a revocation is decided without its stream, which cannot be read');
    return { events: [], expected: 'any', unread: true };
  }
}

/** What a revocation wants to look at; rejects where that takes longer than it can wait. */
export async function inTime<T>(reading: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new StoreUnavailable('the ledger did not answer in time')), LOOK_MS);
  });
  try {
    return await Promise.race([reading, late]);
  } finally {
    clearTimeout(timer);
  }
}

function timedAppend<A>(
  { store, clock, metrics }: Parts,
  { stream, lane }: Handling<A>,
  events: readonly NewEvent[],
  expected: string,
): Promise<Appended> {
  const started = clock.monotonic();
  return store
    .append(stream, events, expected, { lane })
    .finally(() => metrics.appended(lane, (clock.monotonic() - started) / 1_000));
}

export async function readHistory(store: EventStore, stream: string): Promise<History> {
  const events: ReadEvent[] = [];
  for (;;) {
    const last = events.at(-1)?.event.revision;
    const from = last === undefined ? {} : { from: String(BigInt(last) + 1n) };
    const page = await store.readStream(stream, { ...from, direction: 'forwards', limit: PAGE });
    events.push(...page.map(readEvent));
    if (page.length < PAGE) return { events, expected: events.at(-1)?.event.revision ?? 'none' };
  }
}
