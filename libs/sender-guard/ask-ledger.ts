import { REASONS, isOneOf, type Reason } from '#consent';
import type { GuardDecision, GuardQuestion } from './decision.js';

export interface LedgerAnswer {
  readonly eligible: boolean;
  readonly reason: Reason;
  readonly basisEventId?: string;
  readonly validUntil?: string;
  readonly windowOpenUntil?: string;
  readonly position?: string;
}

export interface AskContext {
  /** Aborts when the time for an answer is over. */
  readonly signal: AbortSignal;
  /** What the guard has already taken into account: an answer must not be older. */
  readonly atLeast?: string;
}

/** Asks the ledger itself about one recipient. A rejection counts as no answer. */
export type AskLedger = (question: GuardQuestion, context: AskContext) => Promise<LedgerAnswer>;

export interface LedgerOptions {
  /** Of the service, e.g. `https://ledger.example`. */
  readonly url: string;
  /** A key with `eligibility:read` for the businesses that are asked about. */
  readonly apiKey: string;
}

/** Asks over HTTP: `GET /v1/businesses/{b}/recipients/{id}/eligibility`. */
export function ledgerOver({ url, apiKey }: LedgerOptions): AskLedger {
  return async ({ businessId, recipientId, channel, purpose, sender }, { signal, atLeast }) => {
    const path = `v1/businesses/${encodeURIComponent(businessId)}/recipients/${encodeURIComponent(recipientId)}/eligibility`;
    const target = new URL(path, url.endsWith('/') ? url : `${url}/`);
    for (const [name, value] of Object.entries({ channel, purpose, sender, atLeast })) {
      if (value !== undefined) target.searchParams.set(name, value);
    }
    const response = await fetch(target, { headers: { authorization: `Bearer ${apiKey}` }, signal });
    if (response.status !== 200) throw new Error(`the ledger answered ${response.status}`);
    return readAnswer(await response.json());
  };
}

/** Throws where the answer is not one that this version understands. */
export function readAnswer(answer: unknown): LedgerAnswer {
  const { eligible, reason, basis, ...rest } = (answer ?? {}) as Record<string, unknown>;
  if (typeof eligible !== 'boolean' || !isOneOf(REASONS, reason)) throw new Error('the answer is not understood');
  const { eventId } = (basis ?? {}) as Record<string, unknown>;
  return {
    eligible,
    reason,
    ...texts({ basisEventId: eventId ?? rest.basisEventId, validUntil: rest.validUntil }),
    ...texts({ windowOpenUntil: rest.windowOpenUntil, position: rest.position }),
  };
}

function texts(members: Readonly<Record<string, unknown>>): Partial<Omit<GuardDecision, 'eligible' | 'reason'>> {
  return Object.fromEntries(Object.entries(members).filter(([, value]) => typeof value === 'string'));
}

export type AskOutcome = 'yes' | 'no' | 'failed' | 'overload';

/** Asks with a limit of time and of questions at once. */
export class Asker {
  #asking = 0;
  readonly outcomes: Record<AskOutcome, number> = { yes: 0, no: 0, failed: 0, overload: 0 };

  constructor(
    private readonly ask: AskLedger,
    private readonly timeoutMs: number,
    private readonly maxAsking: number,
  ) {}

  /** Undefined where no answer came in time, or too many are being asked for. */
  async answer(question: GuardQuestion, position: string | undefined): Promise<LedgerAnswer | undefined> {
    if (this.#asking >= this.maxAsking) return this.#count('overload', undefined);
    this.#asking += 1;
    try {
      const answer = readAnswer(await this.#inTime(question, position));
      return this.#count(answer.eligible ? 'yes' : 'no', answer);
    } catch {
      return this.#count('failed', undefined);
    } finally {
      this.#asking -= 1;
    }
  }

  /** The caller's function may not heed the signal, and may throw instead of rejecting. */
  async #inTime(question: GuardQuestion, position: string | undefined): Promise<LedgerAnswer> {
    const signal = AbortSignal.timeout(this.timeoutMs);
    const asked = this.ask(question, { signal, ...(position ? { atLeast: position } : {}) });
    // Made after the question: where that throws, nobody would be there to hear that it is late.
    const late = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(new Error('no answer in time')), { once: true });
    });
    return Promise.race([asked, late]);
  }

  #count<T>(outcome: AskOutcome, answer: T): T {
    this.outcomes[outcome] += 1;
    return answer;
  }
}
