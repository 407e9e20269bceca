import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs';
import {
  EMPTY_STATE,
  RULES_VERSION,
  explain,
  instantOf,
  judge,
  type Basis,
  type Channel,
  type Instant,
  type Reason,
  type RecipientState,
  type Verdict,
} from '#consent';
import { hasReached } from '#event-store';
import { stateFromLedger } from '#view';
import { Parts } from '../parts.js';
import type { Topic } from './question.js';

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
  constructor(private readonly parts: Parts) {}

  async execute({ request }: CheckEligibility): Promise<readonly Decision[]> {
    const { view, clock, metrics, store } = this.parts;
    const ids = request.checks.map(({ recipientId }) => recipientId);
    const looked: Looked = await (request.consistency === 'ledger'
      ? this.readLedger(request, ids)
      : this.readView(request, ids));
    const register = view.catalogue.business(request.businessId);
    const frame = {
      position: looked.position ?? `${store.ledgerId}.0`,
      decidedAt: instantOf(clock.now()),
      policyVersion: register?.revision ?? '0',
      rulesVersion: RULES_VERSION,
      ...(looked.ok ? {} : { retryAfterMs: looked.retryAfterMs }),
    };
    return request.checks.map((check, index) => {
      const verdict = looked.ok
        ? verdictOf(looked.states[index], check, frame.decidedAt, register?.state.unreadable === true)
        : ({ eligible: false, reason: looked.reason } as const);
      metrics.decided(verdict.reason);
      return decisionOf(check, verdict, frame);
    });
  }

  private readView({ businessId, atLeast }: CheckRequest, ids: readonly string[]): Promise<Looked> {
    return this.parts.view.lookUp(businessId, ids, atLeast === undefined ? {} : { atLeast });
  }

  /** Reads the streams themselves: never stale, slower, and works while the view is away. */
  private async readLedger({ businessId, atLeast }: CheckRequest, ids: readonly string[]): Promise<Looked> {
    const { store, config, log } = this.parts;
    const retryAfterMs = config.view.waitForPositionMs;
    try {
      const position = await store.head();
      if (atLeast !== undefined && !hasReached(position, atLeast)) {
        return { ok: false, reason: 'VIEW_BEHIND', position, retryAfterMs };
      }
      const states: (RecipientState | undefined)[] = [];
      for (const id of ids) states.push((await stateFromLedger(store, businessId, id)).state);
      return { ok: true, position, states };
    } catch (error) {
      log.error({ err: error }, 'the ledger could not be read for a check');
      return { ok: false, reason: 'VIEW_UNAVAILABLE', retryAfterMs };
    }
  }
}

/** A register that cannot be read in full may have changed the rules of this very purpose: doubt means no. */
function verdictOf(
  state: RecipientState | undefined,
  { topic }: Check,
  now: Instant,
  registerUnreadable: boolean,
): Verdict {
  if (registerUnreadable) return { eligible: false, reason: 'STATE_UNREADABLE' };
  return judge(state ?? EMPTY_STATE, { ...topic, now });
}

type Frame = Pick<Decision, 'position' | 'decidedAt' | 'policyVersion' | 'rulesVersion' | 'retryAfterMs'>;

function decisionOf({ recipientId, topic }: Check, verdict: Verdict, frame: Frame): Decision {
  const { eligible, reason, basis, validUntil, windowOpenUntil } = verdict;
  return {
    eligible,
    reason,
    explanation: explain(reason, topic),
    recipientId,
    channel: topic.channel,
    purpose: topic.purpose,
    category: topic.category,
    ...(basis ? { basis: basisOf(basis) } : {}),
    ...(validUntil === undefined ? {} : { validUntil }),
    ...(windowOpenUntil === undefined ? {} : { windowOpenUntil }),
    ...frame,
  };
}

/** Only the fields of the contract: a cell carries more than its basis. */
function basisOf({ eventId, type, stream, revision, occurredAt, recordedAt, method, disclosure }: Basis): Basis {
  const basis = { eventId, type, stream, revision, occurredAt, recordedAt };
  return { ...basis, ...(method === undefined ? {} : { method }), ...(disclosure ? { disclosure } : {}) };
}
