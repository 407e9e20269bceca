import { createContext, Script, type Context } from 'node:vm';
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

const MOST_PREFIXES = 100;
/** The store looks through many events at once, and keeps a statement for each number of prefixes: few are its matter. */
const STORE_PREFIXES = 8;

/** Throws a `Refusal` where the filter's expression cannot be read, or its prefixes are too many. */
export function sieveOf(filter: EventFilter | undefined): Sieve {
  if (filter === undefined) return EVERYTHING;
  const { on, prefixes, regex } = filter;
  if (prefixes.length > MOST_PREFIXES) throw invalid(`a filter has at most ${MOST_PREFIXES} prefixes`);
  const subjectOf = on === 'stream' ? (event: StoredEvent) => event.stream : (event: StoredEvent) => event.type;
  if (regex !== '') return regexSieve(regex, subjectOf);
  if (on === 'stream' && prefixes.length <= STORE_PREFIXES) return { ...EVERYTHING, prefixes };
  const hasPrefix = (event: StoredEvent) => prefixes.some((prefix) => subjectOf(event).startsWith(prefix));
  return { pick: (events) => events.filter(hasPrefix) };
}

const LONGEST_REGEX = 1_000;
/** What an expression may take altogether in one call, beyond what each page allows it. */
const BUDGET_MS = 100;
/** What every page costs, to be able to stop, and a little more; what is left of it fills the budget up again. */
const PAGE_MS = 2;
/** A thread that had to wait for a processor may look slow once, so one trial does not spend the budget. */
const TRIAL_MS = 50;
/**
 * Begins at the beginning, chooses nothing, and repeats nothing but the last character: such an expression takes fewer
 * steps than it and its subject have characters. Those by which clients pass by the server's own streams are of this kind.
 */
const QUICK = /^\^[^*+?{(|]*\*?$/;
const PROGRAM = new Script('subjects.map((subject) => expression.test(subject))');

interface Trial {
  expression: RegExp;
  subjects: readonly string[];
}

/** One for all: a trial is not interrupted by another. */
let sandbox: (Context & Trial) | undefined;

/**
 * An expression of a client's may run for years on a short name, so it runs where the engine can stop it, unless it is
 * known to be quick: to be able to stop costs half a millisecond a page.
 */
function regexSieve(regex: string, subjectOf: (event: StoredEvent) => string): Sieve {
  const expression = compiled(regex);
  if (QUICK.test(regex)) return { pick: (events) => events.filter((event) => expression.test(subjectOf(event))) };
  const budget = { leftMs: BUDGET_MS };
  return {
    pick: (events) => {
      if (events.length === 0) return events;
      const matches = tried(budget, { expression, subjects: events.map(subjectOf) });
      return events.filter((_, index) => matches[index]);
    },
  };
}

/** `leftMs` is of one call, and what it spends is spent for its later pages too. */
function tried(budget: { leftMs: number }, trial: Trial): readonly boolean[] {
  sandbox ??= createContext({ ...trial }) as Context & Trial;
  Object.assign(sandbox, trial);
  budget.leftMs = Math.min(BUDGET_MS, budget.leftMs + PAGE_MS);
  while (budget.leftMs >= 1) {
    const began = { ms: performance.now(), cpu: process.cpuUsage() };
    try {
      return PROGRAM.runInContext(sandbox, { timeout: Math.min(TRIAL_MS, Math.ceil(budget.leftMs)) }) as boolean[];
    } catch {
      continue;
    } finally {
      budget.leftMs -= spentMs(began);
    }
  }
  throw invalid('the expression of the filter takes too long');
}

/**
 * What this thread was given of a processor lies below both: the time that passed, of which it may have waited for most
 * on a busy machine, and what all threads of the process were given.
 */
function spentMs({ ms, cpu }: { readonly ms: number; readonly cpu: NodeJS.CpuUsage }): number {
  const { user, system } = process.cpuUsage(cpu);
  return Math.min(performance.now() - ms, (user + system) / 1_000);
}

function compiled(regex: string): RegExp {
  if (regex.length > LONGEST_REGEX) throw invalid(`the expression of a filter has at most ${LONGEST_REGEX} characters`);
  try {
    return new RegExp(regex);
  } catch {
    throw invalid('the expression of the filter cannot be read');
  }
}
