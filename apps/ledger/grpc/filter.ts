import { once } from 'node:events';
import type { Authenticator } from '../authenticate.js';
import type { Asked } from './asked.js';
import type { Duplex, Ending } from './calls.js';
import type { EligibilityCalls } from './eligibility-calls.js';
import { authorizationIn } from './gate.js';

/**
 * An audience of any size: each message is answered before the next one is read, and no further message is read while
 * the caller does not take the answers. So a stream holds a few messages at a time, however long it is.
 */
export async function filter(
  { asked, call, signal }: { readonly asked: Asked; readonly call: Duplex } & Pick<Ending, 'signal'>,
  calls: EligibilityCalls,
  authenticator: Authenticator,
): Promise<void> {
  const authorization = authorizationIn(asked.metadata);
  // The stream is not to be destroyed when the reading of it ends: that would drop its status.
  for await (const message of call.iterator({ destroyOnReturn: false })) {
    const principal = authenticator.remembered(authorization) ?? (await authenticator.principalOf(authorization));
    const answered = calls.filtered(principal, message as Buffer);
    const bytes = answered instanceof Promise ? (await answered).bytes : answered;
    signal.throwIfAborted();
    if (!call.write(bytes)) await once(call, 'drain', { signal });
  }
}
