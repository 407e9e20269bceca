import type { Lane } from './append-window.js';

export interface EventStoreDbOptions {
  /** `esdb://user:password@host:2113?tls=true&tlsCAFile=…`, several hosts with commas, or `esdb+discover://`. */
  readonly url: string;
  /** Refuses appends, and begins no ledger where there is none. */
  readonly readOnly?: boolean;
  /** Whether no other process writes to this ledger, which whoever opens it sees to. */
  readonly alone?: boolean;
  /** Data bytes, and likewise metadata bytes, of one append: 7 MiB at most; the server has a limit of its own. */
  readonly maxAppendBytes?: number;
  readonly timeouts?: Partial<Timeouts>;
  /** Ordinary appends on their way to the server at once. Revocations are not counted: they never wait for others. */
  readonly maxInFlight?: number;
  /** Ordinary appends that may wait for their turn; beyond it `StoreOverloaded`. */
  readonly maxQueued?: number;
  /** How far the clocks may differ before it is reported, in milliseconds. Nothing here depends on it. */
  readonly clockToleranceMs?: number;
  readonly onReport?: (report: EventStoreDbReport) => void;
  /** In [0, 1); spreads the retries of many processes. */
  readonly random?: () => number;
  /** Milliseconds since 1970, for comparing clocks. */
  readonly now?: () => number;
}

/** In milliseconds. Within them a call is made again and again; then it is `StoreUnavailable`. */
export interface Timeouts {
  readonly openMs: number;
  readonly appendMs: number;
  readonly revocationMs: number;
  readonly readMs: number;
  /** A connection on which somebody waits and nothing is heard for so long is replaced. */
  readonly silenceMs: number;
  /** Between two looks at the head of the ledger while somebody is subscribed. */
  readonly heartbeatMs: number;
  /** How long health says that appends are refused, unless one is taken before. */
  readonly refusalMs: number;
  /** How long `close` waits for the appends under way; the outcome of those that are cut off then is unknown. */
  readonly closeMs: number;
}

/** What changed; for logs and metrics. Never holds an address or credentials. */
export type EventStoreDbReport =
  | { readonly kind: 'connection lost'; readonly problem: string }
  | { readonly kind: 'connected' }
  | { readonly kind: 'clocks differ'; readonly differenceMs: number }
  | { readonly kind: 'clocks agree' };

const EVENTSTOREDB_DEFAULTS = {
  readOnly: false,
  alone: false,
  maxAppendBytes: 1024 * 1024,
  maxInFlight: 256,
  maxQueued: 10_000,
  clockToleranceMs: 5_000,
  timeouts: {
    openMs: 5_000,
    appendMs: 5_000,
    revocationMs: 10_000,
    readMs: 10_000,
    silenceMs: 4_500,
    heartbeatMs: 2_000,
    refusalMs: 30_000,
    closeMs: 2_000,
  },
} as const;

export type Terms = Required<Omit<EventStoreDbOptions, 'timeouts' | 'onReport'>> & {
  readonly timeouts: Timeouts;
  readonly onReport: (report: EventStoreDbReport) => void;
};

/** Data and metadata each; above it an event would not fit into the largest message that servers take. */
const LARGEST_APPEND_BYTES = 7 * 1024 * 1024;

/** Throws a `RangeError` where an append could never be sent. */
export function termsOf(options: EventStoreDbOptions): Terms {
  if ((options.maxAppendBytes ?? 0) > LARGEST_APPEND_BYTES) {
    throw new RangeError(`an append to EventStoreDB holds at most ${LARGEST_APPEND_BYTES} bytes`);
  }
  return {
    ...EVENTSTOREDB_DEFAULTS,
    onReport: () => undefined,
    random: Math.random,
    now: Date.now,
    ...options,
    timeouts: { ...EVENTSTOREDB_DEFAULTS.timeouts, ...options.timeouts },
  };
}

export function appendLimitMs({ timeouts }: Terms, lane: Lane): number {
  return lane === 'revocation' ? timeouts.revocationMs : timeouts.appendMs;
}
