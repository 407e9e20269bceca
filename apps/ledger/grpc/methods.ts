import { METHODS, type MethodPath } from '#grpc-messages';
import type { Asks } from '../admission.js';

/** A method as it is served: its path, and what it asks of its caller. */
export type ServedMethod = MethodPath &
  Asks & { /** Goes on until the caller leaves: no work in itself. */ readonly watch?: true };

const read = { access: 'eligibility:read', role: 'queries' } as const;
const write = { access: 'consent:write', role: 'commands' } as const;

export const SERVED = {
  check: { ...METHODS.check, ...read },
  checkBatch: { ...METHODS.checkBatch, ...read },
  filter: { ...METHODS.filter, ...read },
  grant: { ...METHODS.grant, ...write },
  revoke: { ...METHODS.revoke, ...write, revocation: true },
  recordMessage: { ...METHODS.recordMessage, ...write },
  watch: { ...METHODS.watch, access: 'eligibility:read', role: 'feed', watch: true },
} as const satisfies Record<string, ServedMethod>;

export const SERVED_BY_PATH: ReadonlyMap<string, ServedMethod> = new Map(
  Object.values(SERVED).map((method) => [method.path, method]),
);
