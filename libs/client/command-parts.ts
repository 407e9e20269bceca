import { createHash, randomUUID } from 'node:crypto';
import { status } from '@grpc/grpc-js';
import { isInstant } from '#grpc-messages';
import { ownError } from './errors.js';

/** When a person acted, of whatever command. */
export interface Acted {
  readonly occurredAt?: string;
  readonly occurredAtText?: string;
}

/**
 * A time in any other form than the wire's is sent as it stands: the ledger reads it, since it knows how precise it is,
 * and what cannot be read keeps out a grant and no opt-out.
 */
export function withReadableTime<Command extends Acted>(command: Command): Command {
  const { occurredAt, occurredAtText = occurredAt, ...same } = command;
  if (occurredAt === undefined || isInstant(occurredAt)) return command;
  return { ...same, occurredAtText } as Command;
}

/** As the ledger takes them, and no blank at an end, which may be lost on the way. */
const USABLE = /^[\x21-\x7e](?:[\x20-\x7e]{0,253}[\x21-\x7e])?$/;

const CARRIED = /^[\x20-\x7e]*$/;

/** Throws a `LedgerError` where no header carries the key, and never says it: people make keys of addresses too. */
export function sendableKey(key: string): string {
  if (CARRIED.test(key)) return key;
  throw ownError(status.INVALID_ARGUMENT, 'an idempotency key is visible ASCII characters alone');
}

/** An opt-out is not refused for its key: for one that cannot be sent another one stands in, always the same. */
export function usableKey(key: string): string {
  if (key === '') return randomUUID();
  return USABLE.test(key) ? key : createHash('sha256').update(key).digest('base64url');
}
