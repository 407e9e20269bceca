import { instantOf, type Instant } from '#consent';
import { Asker } from './ask-ledger.js';
import type { GuardDecision, GuardQuestion, GuardReason, GuardState, OwnReason } from './decision.js';
import { Follower } from './follower.js';
import { KafkaSource } from './kafkajs/kafka-source.js';
import type { Judged } from './known.js';
import { Listeners, noticeOf, type GuardEvents } from './listeners.js';
import { settingsOf, type GuardOptions, type Settings } from './options.js';
import type { GuardMetrics, GuardStatus, GuardWarning } from './status.js';

const LOOK_MS = 200;
const ID_CHARACTERS = 43;
/** A clock behind the ledger's by more than this is worth a warning. */
const SKEW_MS = 1_000;

const NOT_LIVE = {
  LOADING: 'GUARD_LOADING',
  STALE: 'GUARD_STALE',
  FAILED: 'GUARD_FAILED',
  CLOSED: 'GUARD_CLOSED',
} as const satisfies Record<Exclude<GuardState, 'LIVE'>, OwnReason>;

/** What only the ledger can know more about. */
const ASKABLE: ReadonlySet<GuardReason> = new Set<GuardReason>([
  'GUARD_LOADING',
  'GUARD_STALE',
  'GUARD_FAILED',
  'BUSINESS_NOT_FOUND',
  'RECIPIENT_UNKNOWN',
  'STATE_UNREADABLE',
]);

/** Starts to read the topics at once; until it is LIVE every answer is no. Throws a `RangeError` on wrong options. */
export function startGuard(options: GuardOptions): Guard {
  return new Guard(options, settingsOf(options));
}

/**
 * Says no for whoever has said no, inside the sender's own process. It follows the ledger's topics and judges by the
 * ledger's own rules; in every state but LIVE, and in every doubt, the answer is no with a reason.
 */
export class Guard {
  readonly #follower: Follower;
  readonly #listeners = new Listeners();
  readonly #asker: Asker | undefined;
  readonly #checks: Partial<Record<GuardReason, number>> = {};
  readonly #look: NodeJS.Timeout;
  #isClosed = false;
  #hasBeenLive = false;
  #told: GuardState = 'LOADING';
  /** The millisecond in which the guard was last seen to be LIVE, while nothing has changed since: once is enough. */
  #liveMs = Number.NaN;
  #instant: Instant = '';

  constructor(
    options: GuardOptions,
    private readonly settings: Settings,
  ) {
    const hear: ConstructorParameters<typeof Follower>[2] = (change, { position }) =>
      this.#listeners.tell('optOut', noticeOf(change, position));
    this.#follower = new Follower(new KafkaSource(options), settings.clock, hear, () => this.#tellState());
    this.#asker = options.askLedger && new Asker(options.askLedger, settings.askTimeoutMs, settings.maxAsking);
    this.#look = setInterval(() => this.#tellState(), LOOK_MS);
    this.#look.unref();
  }

  /** May this be sent now? Ask when the message is handed over to the provider. Never throws. */
  check(asked: GuardQuestion): GuardDecision {
    const decision = this.#decide(asked);
    this.#checks[decision.reason] = (this.#checks[decision.reason] ?? 0) + 1;
    return decision;
  }

  /**
   * The same; where the guard cannot know (no record of the recipient, one that cannot be read, not LIVE) the ledger is
   * asked, and only its own yes makes a yes. Without an answer in time the guard's no stands, and a no of the person
   * that the guard knows of always does. Never rejects.
   */
  async checkOrAsk(asked: GuardQuestion): Promise<GuardDecision> {
    const own = this.check(asked);
    if (own.eligible || !this.#asker || !ASKABLE.has(own.reason) || this.#objects(asked)) return own;
    const answer = await this.#asker.answer(asked, this.#follower.reached);
    if (answer === undefined || this.#isClosed) return own;
    // Somebody may have said no while the ledger was thinking.
    return answer.eligible && this.#objects(asked) ? this.check(asked) : answer;
  }

  get state(): GuardState {
    const { clock } = this.settings;
    return this.#stateAt(clock.nowMs(), clock.monotonicMs());
  }

  /** Every opt-out up to here is taken into account; undefined until it is known. */
  get position(): string | undefined {
    return this.#follower.reading?.freshness.position;
  }

  /** Resolves with true once the guard is LIVE, with false when `signal` aborts or it is closed before. */
  live(signal?: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = () => {
        const { state } = this;
        if (state !== 'LIVE' && state !== 'CLOSED' && !signal?.aborted) return;
        off();
        signal?.removeEventListener('abort', settle);
        resolve(state === 'LIVE');
      };
      const off = this.on('state', settle);
      signal?.addEventListener('abort', settle);
      settle();
    });
  }

  /** Calls `listener` from now on; what is returned ends that. A listener that throws is counted, no more. */
  on<E extends keyof GuardEvents>(event: E, listener: (what: GuardEvents[E]) => void): () => void {
    return this.#listeners.add(event, listener);
  }

  status(): GuardStatus {
    const { state, position } = this;
    const problem = this.#problem(state);
    return {
      state,
      ...(problem === undefined ? {} : { problem }),
      warnings: this.#warnings(),
      ...(position === undefined ? {} : { position }),
      ...this.#ages(),
    };
  }

  metrics(): GuardMetrics {
    const known = this.#follower.reading?.known;
    return {
      ...this.status(),
      recipients: known?.recipients ?? 0,
      pendingOptOuts: known?.pending ?? 0,
      storedBytes: known?.bytes ?? 0,
      unreadableRecords: known?.unreadable ?? 0,
      unaddressedRecords: known?.unaddressed ?? 0,
      reloads: this.#follower.reloads,
      restarts: this.#follower.restarts,
      checks: { ...this.#checks },
      asked: this.#asker ? { ...this.#asker.outcomes } : { yes: 0, no: 0, failed: 0, overload: 0 },
      listenerErrors: this.#listeners.errors,
    };
  }

  /** Every answer is no from the call on. Resolves once all connections are closed, within about a second. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearInterval(this.#look);
    this.#tellState();
    await this.#follower.close();
  }

  #decide(asked: GuardQuestion): GuardDecision {
    const nowMs = this.settings.clock.nowMs();
    if (nowMs !== this.#liveMs) {
      const monotonicMs = this.settings.clock.monotonicMs();
      const state = this.#stateAt(nowMs, monotonicMs);
      if (state !== 'LIVE') return { eligible: false, reason: NOT_LIVE[state] };
      this.#liveMs = nowMs;
      this.#instant = this.#instantOf(nowMs, monotonicMs);
    }
    const { known, freshness } = this.#follower.reading as NonNullable<Follower['reading']>;
    try {
      if (!isQuestion(asked)) return { eligible: false, reason: 'QUESTION_INVALID' };
      return decisionFrom(known.judge(asked, this.#instant), freshness.position);
    } catch {
      return { eligible: false, reason: 'STATE_UNREADABLE' };
    }
  }

  /** Doubt counts as an objection: then the ledger is not asked either. */
  #objects(asked: GuardQuestion): boolean {
    try {
      const { clock } = this.settings;
      const at = this.#instantOf(clock.nowMs(), clock.monotonicMs());
      return this.#follower.reading?.known.objects(asked, at) ?? false;
    } catch {
      return true;
    }
  }

  #stateAt(nowMs: number, monotonicMs: number): GuardState {
    if (this.#isClosed) return 'CLOSED';
    const { reading, trouble } = this.#follower;
    const isComplete = reading !== undefined && reading.isComplete;
    if (isComplete && this.#isFresh(reading.freshness.ageMs(nowMs, monotonicMs), monotonicMs)) {
      this.#hasBeenLive = true;
      return 'LIVE';
    }
    if (trouble?.kind === 'refused') return 'FAILED';
    return isComplete && this.#hasBeenLive ? 'STALE' : 'LOADING';
  }

  #isFresh(watermarkAgeMs: number, monotonicMs: number): boolean {
    const { denyAfterMs } = this.settings;
    return watermarkAgeMs <= denyAfterMs && this.#follower.fetchAgeMs(monotonicMs) <= denyAfterMs;
  }

  /** Never before what the ledger's clock is known to have reached: consent and windows must not outlast a slow clock. */
  #instantOf(nowMs: number, monotonicMs: number): Instant {
    return instantOf(Math.max(nowMs, Math.floor(this.#follower.ledgerMs(monotonicMs))));
  }

  #ages(): Pick<GuardStatus, 'watermarkAgeMs' | 'fetchAgeMs'> {
    const { clock } = this.settings;
    const monotonicMs = clock.monotonicMs();
    const watermarkAgeMs = this.#follower.reading?.freshness.ageMs(clock.nowMs(), monotonicMs);
    return { watermarkAgeMs: watermarkAgeMs ?? Infinity, fetchAgeMs: this.#follower.fetchAgeMs(monotonicMs) };
  }

  #problem(state: GuardState): string | undefined {
    const { reading, trouble } = this.#follower;
    if (trouble) return trouble.message;
    const isWaiting = reading?.isComplete && state !== 'LIVE' && state !== 'CLOSED';
    return isWaiting ? 'the relay does not prove that every opt-out has arrived' : undefined;
  }

  #warnings(): readonly GuardWarning[] {
    const { warnAfterMs } = this.settings;
    const warnings: GuardWarning[] = [];
    const { watermarkAgeMs, fetchAgeMs } = this.#ages();
    if (watermarkAgeMs > warnAfterMs) warnings.push('WATERMARK_LATE');
    if (fetchAgeMs > warnAfterMs) warnings.push('FETCH_LATE');
    if ((this.#follower.reading?.freshness.aheadMs ?? 0) > SKEW_MS) warnings.push('CLOCK_SKEW');
    return warnings;
  }

  #tellState(): void {
    this.#liveMs = Number.NaN;
    const { state } = this;
    const before = this.#told;
    if (state === before) return;
    this.#told = state;
    this.#listeners.tell('state', { state, before });
  }
}

/** Senders written in JavaScript may hand over anything. */
function isQuestion(asked: unknown): asked is GuardQuestion {
  if (typeof asked !== 'object' || asked === null) return false;
  const { businessId, recipientId, channel, purpose, sender } = asked as Record<keyof GuardQuestion, unknown>;
  const isText = typeof businessId === 'string' && typeof channel === 'string' && typeof purpose === 'string';
  const isId = typeof recipientId === 'string' && recipientId.length === ID_CHARACTERS;
  return isText && isId && (sender === undefined || typeof sender === 'string');
}

type Draft = { -readonly [K in keyof GuardDecision]: GuardDecision[K] };

/** Fields are set one by one where they are known: spreading them together is most of what a check would cost. */
function decisionFrom(judged: Judged, position: string | undefined): GuardDecision {
  const decision: Draft = { eligible: judged.eligible, reason: judged.reason };
  // It is spelled out of its bytes each time that it is asked for.
  const eventId = judged.basis?.eventId ?? '';
  if (eventId !== '') decision.basisEventId = eventId;
  if ('validUntil' in judged && judged.validUntil !== undefined) decision.validUntil = judged.validUntil;
  if ('windowOpenUntil' in judged && judged.windowOpenUntil !== undefined)
    decision.windowOpenUntil = judged.windowOpenUntil;
  if (position !== undefined) decision.position = position;
  return decision;
}
