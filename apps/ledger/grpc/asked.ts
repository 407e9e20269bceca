import { randomUUID } from 'node:crypto';
import type { Metadata } from '@grpc/grpc-js';
import { Refusal } from '#platform';
import { requireAdmitted, type Asks } from '../admission.js';
import type { Principal } from '../authenticate.js';
import { traceIn, type Caller } from '../commands/caller.js';
import { withNews } from '../commands/register.js';
import type { Parts } from '../parts.js';

/** What a method knows of a call beside its message. */
export class Asked {
  private id: string | undefined;

  constructor(
    readonly principal: Principal,
    readonly metadata: Metadata,
  ) {}

  /** By which the log names the call; made only where it is wanted, since no check wants one. */
  get requestId(): string {
    return (this.id ??= randomUUID());
  }

  get caller(): Caller {
    const [traceparent] = this.metadata.get('traceparent');
    return { actor: this.principal.keyId, requestId: this.requestId, ...traceIn(traceparent) };
  }

  /** The key of a command as HTTP's header would be: several are one text. */
  get idempotencyKey(): string | undefined {
    const values = this.metadata.get('idempotency-key');
    return values.length === 0 ? undefined : values.join(', ');
  }
}

/**
 * The business that is asked about: the one that is named, or that of the key where none is. Throws where the key may not
 * do this for it, or there is no such business.
 */
export function requireBusiness(parts: Parts, principal: Principal, asks: Asks, named: string): string {
  const businessId = named === '' ? principal.businessId : named;
  if (businessId === undefined) throw businessRequired();
  requireAdmitted(parts, principal, asks, businessId);
  return businessId;
}

/** The same, looked for again where another process may have registered the business a moment ago. */
export function requireBusinessWithNews(
  parts: Parts,
  principal: Principal,
  asks: Asks,
  named: string,
): Promise<string> {
  return withNews(parts, () => requireBusiness(parts, principal, asks, named));
}

function businessRequired(): Refusal {
  const message = 'Name the business: the key is for all of them.';
  return new Refusal('VALIDATION_FAILED', message, { errors: [{ field: 'businessId', code: 'REQUIRED', message }] });
}
