import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import {
  RULES_VERSION,
  explain,
  instantOf,
  judgeUnder,
  questionAt,
  type Basis,
  type BusinessState,
  type Channel,
  type Instant,
  type Question,
  type Reason,
  type RecipientState,
  type Topic,
  type Verdict,
} from '#consent';
import { hasReached } from '#event-store';
import { Refusal } from '#platform';
import { businessFromLedger, stateFromLedger } from '#view';
import { Parts } from '../parts.js';
import { topicOf } from './question.js';

export interface Check {
  readonly recipientId: string;
  readonly topic: Topic;
}

export const CONSISTENCIES = ['fast', 'atLeast', 'ledger'] as const;
export type Consistency = (typeof CONSISTENCIES)[number];

export interface CheckRequest {
  readonly businessId: string;
  readonly atLeast?: string;
  readonly consistency?: Consistency;
  readonly checks: readonly Check[];
}

export interface Decision {
  readonly eligible: boolean;
  readonly reason: Reason;
  readonly explanation: string;
  readonly recipientId: string;
  readonly channel: Channel;
  readonly purpose: string;
  readonly category: string;
  readonly basis?: Basis;
  readonly validUntil?: Instant;
  readonly windowOpenUntil?: Instant;
  readonly retryAfterMs?: number;
  /** That of the very copy the state came from. */
  readonly position: string;
  readonly decidedAt: Instant;
  readonly policyVersion: string;
  readonly rulesVersion: string;
}

/** May this business message these people now? One decision per check, in order. Doubt is a declared no, never an error. */
export class CheckEligibility extends Query<readonly Decision[]> {
  constructor(readonly request: CheckRequest) {
    super();
  }
}

type Looked =
  | { readonly ok: true; readonly position: string; readonly states: readonly (RecipientState | undefined)[] }
  | {
      readonly ok: false;
      readonly reason: Reason;
      readonly position?: string | undefined;
      readonly retryAfterMs: number;
    };

@QueryHandler(CheckEligibility)
export class CheckEligibilityHandler implements IQueryHandler<CheckEligibility> {
  private last = { epochMs: Number.NaN, instant: '' };

  constructor(private readonly parts: Parts) {}

  execute({ request }: CheckEligibility): Promise<readonly Decision[]> {
    return Promise.resolve(this.answer(request));
  }

  /** The same, and a promise only where the look-up waits for something. */
  answer(request: CheckRequest): readonly Decision[] | Promise<readonly Decision[]> {
    const ids = request.checks.map(({ recipientId }) => recipientId);
    const looked = request.consistency === 'ledger' ? this.readLedger(request, ids) : this.readView(request, ids);
    if (looked instanceof Promise) return looked.then((later) => this.decide(request, later));
    return this.decide(request, looked);
  }

  /** One decision over the view without a promise; undefined where the view has to be waited for. */
  decideNow(businessId: string, check: Check): Decision | undefined {
    const looked = this.parts.view.lookUpNow(businessId, [check.recipientId]);
    return looked && this.decide({ businessId, checks: [check] }, looked)[0];
  }

  private decide(request: CheckRequest, looked: Looked): readonly Decision[] {
    const { view, metrics, store } = this.parts;
    const register = view.catalogue.business(request.businessId);
    const frame: Draft<Frame> = {
      position: looked.position ?? `${store.ledgerId}.0`,
      decidedAt: this.now(),
      policyVersion: register?.revision ?? '0',
      rulesVersion: RULES_VERSION,
    };
    if (!looked.ok) frame.retryAfterMs = looked.retryAfterMs;
    const questionOf = questionsUnder(register?.state, frame.decidedAt);
    return request.checks.map((check, index) => {
      const question = questionOf(check.topic);
      const verdict = looked.ok && question ? judgeUnder(register?.state, looked.states[index], question) : no(looked);
      metrics.decided(verdict.reason);
      return decisionOf(check, verdict, looked.ok && !question ? { ...frame, retryAfterMs: RETRY_AFTER_MS } : frame);
    });
  }

  /** A position that the view has come to is not asked for again: waiting, even for nothing, costs more than deciding. */
  private readView({ businessId, atLeast }: CheckRequest, ids: readonly string[]): Looked | Promise<Looked> {
    const { view } = this.parts;
    const position = atLeast === undefined ? undefined : view.status().position;
    const isThere = atLeast === undefined || (position !== undefined && hasReached(position, atLeast));
    return view.lookUp(businessId, ids, isThere ? {} : { atLeast });
  }

  /** Many checks fall into one millisecond, and writing an instant out costs more than judging a state. */
  private now(): Instant {
    const epochMs = this.parts.clock.now();
    if (epochMs !== this.last.epochMs) this.last = { epochMs, instant: instantOf(epochMs) };
    return this.last.instant;
  }

  /** Milliseconds from now on, by whichever clock says more: one of them stands still while the machine is suspended. */
  private stopwatch(): () => number {
    const { clock } = this.parts;
    const [monotonicMs, wallMs] = [clock.monotonic(), clock.now()];
    return () => Math.max(clock.monotonic() - monotonicMs, clock.now() - wallMs);
  }

  /** Reads the streams themselves: never stale, slower, and works while the view is away. */
  private async readLedger({ businessId, atLeast }: CheckRequest, ids: readonly string[]): Promise<Looked> {
    const { store, view, config, log } = this.parts;
    const retryAfterMs = config.view.waitForPositionMs;
    const ageMs = this.stopwatch();
    try {
      const position = await store.head();
      if (atLeast !== undefined && !hasReached(position, atLeast)) {
        return { ok: false, reason: 'VIEW_BEHIND', position, retryAfterMs };
      }
      // Of a view that is behind the register is too, and it may have become stricter since.
      const register = await businessFromLedger(store, businessId);
      if (register) view.catalogue.offer(register);
      const states: (RecipientState | undefined)[] = [];
      for (const id of ids) states.push((await stateFromLedger(store, businessId, id)).state);
      // A process that was stopped in between would tell of whom it read first what may be over for an hour.
      const isOld = ageMs() > config.view.maxLagMs && (await store.head()) !== position;
      if (isOld) return { ok: false, reason: 'VIEW_STALE', position, retryAfterMs };
      return { ok: true, position, states };
    } catch (error) {
      log.error({ err: error }, 'the ledger could not be read for a check');
      return { ok: false, reason: 'VIEW_UNAVAILABLE', retryAfterMs };
    }
  }
}

/** When to ask again what a register that changed a moment ago no longer lets be asked, or refuses from now on. */
const RETRY_AFTER_MS = 1_000;

function no(looked: Looked): Verdict {
  return { eligible: false, reason: looked.ok ? 'VIEW_STALE' : looked.reason };
}

/**
 * The topics of a batch are few, so that each is made a question once and not for every recipient. What was read under
 * an older register is read again under the one that the answer names: undefined where that one knows it no more.
 */
function questionsUnder(register: BusinessState | undefined, now: Instant): (topic: Topic) => Question | undefined {
  const questions = new Map<Topic, Question | undefined>();
  return (topic) => {
    const known = questions.get(topic);
    if (known !== undefined || questions.has(topic)) return known;
    const current = register ? topicOf(register, topic.channel, topic.purpose, topic.sender) : topic;
    const question = current instanceof Refusal ? undefined : questionAt(current, now);
    questions.set(topic, question);
    return question;
  };
}

type Frame = Pick<Decision, 'position' | 'decidedAt' | 'policyVersion' | 'rulesVersion' | 'retryAfterMs'>;
type Draft<T> = { -readonly [K in keyof T]: T[K] };

// Fields are set one by one where they are known: spreading them together is most of what a check would cost.
function decisionOf({ recipientId, topic }: Check, verdict: Verdict, frame: Frame): Decision {
  const { channel, purpose, category } = topic;
  const { position, decidedAt, policyVersion, rulesVersion } = frame;
  const { eligible, reason, basis, validUntil, windowOpenUntil } = verdict;
  const explanation = explanationOf(reason, topic);
  const decision: Draft<Decision> = {
    eligible,
    reason,
    explanation,
    recipientId,
    channel,
    purpose,
    category,
    position,
    decidedAt,
    policyVersion,
    rulesVersion,
  };
  if (basis) decision.basis = basisOf(basis);
  if (validUntil !== undefined) decision.validUntil = validUntil;
  if (windowOpenUntil !== undefined) decision.windowOpenUntil = windowOpenUntil;
  if (frame.retryAfterMs !== undefined) decision.retryAfterMs = frame.retryAfterMs;
  return decision;
}

const lastSaid = new Map<Reason, { readonly topic: Topic; readonly explanation: string }>();

/** Many people are asked about on one topic: what is said of them is one text, and whoever encodes it may keep that. */
function explanationOf(reason: Reason, topic: Topic): string {
  const last = lastSaid.get(reason);
  if (last?.topic === topic) return last.explanation;
  const explanation = explain(reason, topic);
  lastSaid.set(reason, { topic, explanation });
  return explanation;
}

/** Only the fields of the contract: a cell carries more than its basis. */
function basisOf({ eventId, type, stream, revision, occurredAt, recordedAt, method, disclosure }: Basis): Basis {
  const basis: Draft<Basis> = { eventId, type, stream, revision, occurredAt, recordedAt };
  if (method !== undefined) basis.method = method;
  if (disclosure) basis.disclosure = disclosure;
  return basis;
}
