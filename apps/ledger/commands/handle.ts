import {
  RevisionConflict,
  readEvent,
  type Appended,
  type EventStore,
  type NewEvent,
  type ReadEvent,
} from '#event-store';
import type { Parts } from '../parts.js';

const PAGE = 500;

/** A stream as it was read: its events, oldest first, and the revision an append must find. */
export interface History {
  readonly events: readonly ReadEvent[];
  readonly expected: string;
}

/** What a decision makes of a history: events to append, or an answer that needs none (a refusal, a replay). */
export type Decided<A> = { readonly events: readonly NewEvent[]; readonly answer: A } | { readonly answer: A };

export interface Handling<A> {
  readonly stream: string;
  readonly lane: 'normal' | 'revocation';
  /** Conflicts after which a normal command gives up; a revocation is then appended whatever the revision. */
  readonly maxAttempts: number;
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
  for (let attempt = 1; ; attempt++) {
    const history = await readHistory(parts.store, handling.stream);
    const decided = await handling.decide(history);
    if (!('events' in decided)) return { answer: decided.answer };
    const lastResort = attempt > handling.maxAttempts;
    const expected = lastResort && handling.lane === 'revocation' ? 'any' : history.expected;
    try {
      const appended = await timedAppend(parts, handling, decided.events, expected);
      return { answer: decided.answer, appended };
    } catch (error) {
      if (!(error instanceof RevisionConflict) || lastResort) throw error;
    }
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
