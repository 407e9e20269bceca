import type { AskLedger } from './ask-ledger.js';
import { SYSTEM_CLOCK, type GuardClock } from './clock.js';
import type { KafkaOptions } from './kafkajs/client.js';

export interface GuardOptions extends KafkaOptions {
  /** The age of what is known at which the guard warns, and from which it says no to everything. */
  readonly warnAfterMs?: number;
  readonly denyAfterMs?: number;
  /** How `checkOrAsk` asks about what the guard cannot know; without it, it does not ask. */
  readonly askLedger?: AskLedger;
  readonly askTimeoutMs?: number;
  /** So many questions to the ledger at once; beyond it the guard's own no stands. */
  readonly maxAsking?: number;
  readonly clock?: GuardClock;
}

export type Settings = Required<
  Pick<GuardOptions, 'warnAfterMs' | 'denyAfterMs' | 'askTimeoutMs' | 'maxAsking' | 'clock'>
>;

const DEFAULTS: Settings = {
  warnAfterMs: 5_000,
  denyAfterMs: 30_000,
  askTimeoutMs: 1_000,
  maxAsking: 64,
  clock: SYSTEM_CLOCK,
};

/** As kafkajs takes it; an empty text, which an unset variable leaves behind, would be looked for without end. */
const BROKER = /^[^\s/]+:\d{1,5}$/;

/** Throws a `RangeError` that names what is wrong. */
export function settingsOf(options: GuardOptions): Settings {
  const settings = { ...DEFAULTS, ...given(options) };
  if (options.brokers.length === 0) throw new RangeError('brokers: name at least one');
  if (!options.brokers.every((broker) => BROKER.test(broker))) throw new RangeError('brokers: each host:port');
  for (const name of ['warnAfterMs', 'denyAfterMs', 'askTimeoutMs', 'maxAsking'] as const) {
    if (!(settings[name] > 0)) throw new RangeError(`${name}: a number above 0`);
  }
  if (settings.warnAfterMs > settings.denyAfterMs) throw new RangeError('warnAfterMs: at most denyAfterMs');
  return settings;
}

function given(options: GuardOptions): Partial<Settings> {
  const names = Object.keys(DEFAULTS) as (keyof Settings)[];
  return Object.fromEntries(names.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]));
}
