import { createHash, randomUUID } from 'node:crypto';
import { isInstant, type ActedAt } from '#grpc-messages';

/**
 * A time in any other form than the wire's is sent as it stands: the ledger reads it, since it knows how precise it is,
 * and what cannot be read keeps out a grant and no opt-out.
 */
export function withReadableTime<Command extends { readonly occurredAt?: ActedAt }>(command: Command): Command {
  const { instant, text = instant } = command.occurredAt ?? {};
  if (instant === undefined || text === undefined || isInstant(instant)) return command;
  return { ...command, occurredAt: { text } };
}

/** As the ledger takes them, and no blank at an end, which may be lost on the way. */
const USABLE = /^[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?$/;

/** An opt-out is not refused for its key: for one that cannot be sent another one stands in, always the same. */
export function usableKey(key: string): string {
  if (key === '') return randomUUID();
  return USABLE.test(key) ? key : createHash('sha256').update(key).digest('base64url');
}
