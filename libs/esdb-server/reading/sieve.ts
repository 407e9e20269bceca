import { createContext, Script, type Context as VmContext } from 'node:vm';
import type { StoredEvent } from '#event-store';
import type { EventFilter } from '../messages/read-request.js';
import { invalid } from '../refusal.js';

/** Picks the events that a client asked for. */
export interface Sieve {
  /** Where streams are asked for by prefix the store picks them. */
  readonly prefixes?: readonly string[];
  /** Throws a `Refusal` where the expression takes too long. */
  pick(events: readonly StoredEvent[]): readonly StoredEvent[];
}

const EVERYTHING: Sieve = { pick: (events) => events };

/** Throws a `Refusal` where the filter's expression cannot be read. */
export function sieveOf(filter: EventFilter | undefined): Sieve {
  if (filter === undefined) return EVERYTHING;
  const { on, prefixes, regex } = filter;
  const subjectOf = on === 'stream' ? (event: StoredEvent) => event.stream : (event: StoredEvent) => event.type;
  if (regex !== '') return new RegexSieve(regex, subjectOf);
  if (on === 'stream') return { ...EVERYTHING, prefixes };
  const hasPrefix = (event: StoredEvent) => prefixes.some((prefix) => event.type.startsWith(prefix));
  return { pick: (events) => events.filter(hasPrefix) };
}

const LONGEST_REGEX = 1_000;
const TIMEOUT_MS = 50;
const PROGRAM = new Script('subjects.map((subject) => expression.test(subject))');

/** An expression of a client's may run for years on a short name, so it runs where the engine can stop it. */
class RegexSieve implements Sieve {
  private readonly sandbox: VmContext & { subjects: readonly string[] };

  constructor(
    regex: string,
    private readonly subjectOf: (event: StoredEvent) => string,
  ) {
    this.sandbox = createContext({ expression: compiled(regex), subjects: [] }) as typeof this.sandbox;
  }

  pick(events: readonly StoredEvent[]): readonly StoredEvent[] {
    if (events.length === 0) return events;
    this.sandbox.subjects = events.map(this.subjectOf);
    const wanted = this.run();
    return events.filter((_, index) => wanted[index]);
  }

  private run(): readonly boolean[] {
    try {
      return PROGRAM.runInContext(this.sandbox, { timeout: TIMEOUT_MS }) as readonly boolean[];
    } catch {
      throw invalid('the expression of the filter takes too long');
    }
  }
}

function compiled(regex: string): RegExp {
  if (regex.length > LONGEST_REGEX) throw invalid(`the expression of a filter has at most ${LONGEST_REGEX} characters`);
  try {
    return new RegExp(regex);
  } catch {
    throw invalid('the expression of the filter cannot be read');
  }
}
