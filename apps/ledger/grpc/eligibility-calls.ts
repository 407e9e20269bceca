import { decodeCheckBatchRequest, decodeCheckRequest, encodeAnswers, encodeCheckResponse } from '#grpc-messages';
import type { CheckBatchRequest, CheckResult } from '#grpc-messages';
import { Refusal, invalid, problemOf } from '#platform';
import type { Principal } from '../authenticate.js';
import { mayBeNews, withNews } from '../commands/register.js';
import type { Parts } from '../parts.js';
import {
  CONSISTENCIES,
  type CheckEligibilityHandler,
  type CheckRequest,
  type Consistency,
  type Decision,
} from '../queries/check-eligibility.js';
import { readCheck, requireBatch, requirePosition } from '../requests/check-body.js';
import { eachAnswered, readBatchWithNews, type ReadBatch } from '../requests/check-batch.js';
import { requireBusiness, type Asked } from './asked.js';
import { requireInLimit, type Reply } from './calls.js';
import { SERVED } from './methods.js';
import { protoPath } from './status.js';

/** Questions over gRPC: the readers and the handler of HTTP, and bytes on both sides. No promise where nothing is waited for. */
export class EligibilityCalls {
  constructor(
    private readonly parts: Parts,
    private readonly checks: CheckEligibilityHandler,
  ) {}

  check(asked: Asked, message: Buffer): Buffer | Promise<Reply> {
    return this.orWithNews(() => this.checkNow(asked, message));
  }

  private checkNow({ principal }: Asked, message: Buffer): Buffer | Promise<Reply> {
    const { request, businessId, check } = this.read(principal, message);
    const answer = (decisions: readonly Decision[]) => encodeCheckResponse(decisions[0] as Decision);
    return this.decided({ businessId, checks: [check], ...freshness(request) }, answer);
  }

  /** The answer to a plain check; undefined, or an error, where it is not plain or has to be waited for. */
  checkAtOnce(principal: Principal, message: Buffer): Buffer | undefined {
    requireInLimit(this.parts, message);
    const { request, businessId, check } = this.read(principal, message);
    if (request.atLeast !== undefined || request.consistency !== undefined) return undefined;
    const decision = this.checks.decideNow(businessId, check);
    return decision && encodeCheckResponse(decision);
  }

  private read(principal: Principal, message: Buffer) {
    const request = decodeCheckRequest(message);
    const businessId = requireBusiness(this.parts, principal, SERVED.check, request.businessId);
    const check = readCheck(this.parts, businessId, request);
    if (check instanceof Refusal) throw check;
    return { request, businessId, check };
  }

  batch({ principal }: Asked, message: Buffer): Buffer | Promise<Reply> {
    const request = decodeCheckBatchRequest(message, this.parts.config.limits.batchMax);
    return this.orWithNews(() =>
      this.answer(request, requireBusiness(this.parts, principal, SERVED.checkBatch, request.businessId)),
    );
  }

  /** One message of a stream. Its caller is looked at anew: a key may be deleted while the stream goes on. */
  filtered(principal: Principal, message: Buffer): Buffer | Promise<Reply> {
    const request = decodeCheckBatchRequest(message, this.parts.config.limits.batchMax);
    return this.orWithNews(() => {
      const businessId = requireBusiness(this.parts, principal, SERVED.filter, request.businessId);
      return this.answer({ ...request, consistency: 'fast' }, businessId);
    });
  }

  /** Another process may have registered a moment ago what is not known here. */
  private orWithNews(work: () => Buffer | Promise<Reply>): Buffer | Promise<Reply> {
    try {
      return work();
    } catch (error) {
      if (!mayBeNews(this.parts, error)) throw error;
      return withNews(this.parts, async () => asReply(await work()));
    }
  }

  private answer(request: CheckBatchRequest, businessId: string): Buffer | Promise<Reply> {
    requireBatch(this.parts, request.checks);
    const batch = readBatchWithNews(this.parts, businessId, request.checks, request);
    if (!(batch instanceof Promise)) return this.answerBatch(request, businessId, batch);
    return batch.then(async (read) => asReply(await this.answerBatch(request, businessId, read)));
  }

  private answerBatch(request: CheckBatchRequest, businessId: string, batch: ReadBatch): Buffer | Promise<Reply> {
    const answer = (decisions: readonly Decision[]) =>
      encodeAnswers(this.positionOf(decisions), resultsOf(request, batch, decisions));
    return this.decided({ businessId, checks: batch.checks, ...freshness(request) }, answer);
  }

  private positionOf([first]: readonly Decision[]): string {
    return first?.position ?? this.parts.view.status().position ?? '';
  }

  private decided(request: CheckRequest, encode: (decisions: readonly Decision[]) => Buffer) {
    const decisions = this.checks.answer(request);
    return decisions instanceof Promise ? decisions.then((later) => ({ bytes: encode(later) })) : encode(decisions);
  }
}

function asReply(reply: Buffer | Reply): Reply {
  return Buffer.isBuffer(reply) ? { bytes: reply } : reply;
}

function resultsOf({ checks }: CheckBatchRequest, batch: ReadBatch, decisions: readonly Decision[]) {
  return eachAnswered(batch, decisions, (outcome, index): CheckResult => {
    const ref = checks[index]?.ref;
    if (outcome instanceof Refusal) return named({ error: problemIn(outcome) }, ref);
    return named({ decision: outcome }, ref);
  });
}

/** The fields are set one by one: spreading them together costs as much as writing them. */
function named(result: Draft<CheckResult>, ref: string | undefined): CheckResult {
  if (ref !== undefined) result.ref = ref;
  return result;
}

type Draft<T> = { -readonly [K in keyof T]: T[K] };

function problemIn(refusal: Refusal) {
  const { code, title, detail, errors = [] } = problemOf(refusal);
  return { code, title, detail, errors: errors.map((error) => ({ ...error, field: protoPath(error.field) })) };
}

interface AskedFreshness {
  readonly atLeast?: string;
  readonly consistency?: string;
}

function freshness({ atLeast, consistency }: AskedFreshness): Pick<CheckRequest, 'atLeast' | 'consistency'> {
  if (atLeast === undefined && consistency === undefined) return NOTHING;
  const known = consistency === undefined ? {} : { consistency: requireConsistency(consistency) };
  const position = requirePosition(atLeast, consistency);
  return position === undefined ? known : { ...known, atLeast: position };
}

const NOTHING = {};

function requireConsistency(given: string): Consistency {
  const known = CONSISTENCIES.find((one) => one === given);
  if (known) return known;
  throw invalid([{ field: 'consistency', code: 'IS_IN', message: `Must be one of: ${CONSISTENCIES.join(', ')}.` }]);
}
