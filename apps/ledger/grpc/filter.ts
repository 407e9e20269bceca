import { Refusal } from '#platform';
import type { Authenticator } from '../authenticate.js';
import type { Parts } from '../parts.js';
import type { Asked } from './asked.js';
import { requireInLimit, type Duplex, type Ending } from './calls.js';
import type { EligibilityCalls } from './eligibility-calls.js';
import { authorizationIn } from './gate.js';

export interface Filtering {
  readonly asked: Asked;
  readonly call: Duplex;
  readonly ending: Ending;
}

/**
 * An audience of any size: each message is answered before the next one is read, and no further message is read while
 * the caller does not take the answers. So a stream holds a few messages at a time, however long it is; and one that
 * stands still, because nothing is sent or nothing taken, is ended.
 */
export async function filter(
  { asked, call, ending }: Filtering,
  parts: Parts,
  calls: EligibilityCalls,
  authenticator: Authenticator,
): Promise<void> {
  const authorization = authorizationIn(asked.metadata);
  const idle = setTimeout(() => ending.end(standing()), parts.config.filter.idleMs).unref();
  const answers = new Answers(call, ending.signal, () => idle.refresh());
  try {
    // The stream is not to be destroyed when the reading of it ends: that would drop its status.
    for await (const message of call.iterator({ destroyOnReturn: false })) {
      requireInLimit(parts, message as Buffer);
      const principal = authenticator.remembered(authorization) ?? (await authenticator.principalOf(authorization));
      const answered = calls.filtered(principal, message as Buffer);
      answers.write(answered instanceof Promise ? (await answered).bytes : answered);
      await answers.taken();
    }
  } finally {
    clearTimeout(idle);
  }
}

/** Answers that may wait for their caller: each may be a thousand decisions, and the stream itself would keep sixteen. */
const UNTAKEN_MAX = 3;

class Answers {
  private untaken = 0;
  private goOn: (() => void) | undefined;

  constructor(
    private readonly call: Duplex,
    private readonly signal: AbortSignal,
    private readonly onTaken: () => void,
  ) {
    signal.addEventListener('abort', () => this.goOn?.(), { once: true });
  }

  write(bytes: Buffer): void {
    this.untaken += 1;
    this.call.write(bytes, () => {
      this.untaken -= 1;
      this.onTaken();
      this.goOn?.();
    });
  }

  /** Resolves once there is room for another one. */
  async taken(): Promise<void> {
    while (this.untaken >= UNTAKEN_MAX && !this.signal.aborted) {
      await new Promise<void>((resolve) => (this.goOn = resolve));
    }
    this.signal.throwIfAborted();
  }
}

function standing(): Refusal {
  return new Refusal('OVERLOADED', 'For too long nothing was sent, or nothing taken.', { retryAfterMs: 1_000 });
}
