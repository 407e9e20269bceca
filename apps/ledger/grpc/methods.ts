import { METHODS, type MethodPath } from '#grpc-messages';
import type { Asks } from '../admission.js';

/** What a call is counted as. Streams, which go on for long, have places of their own. */
export type Place = 'work' | 'filter' | 'watch';

/** A method as it is served: its path, and what it asks of its caller. */
export type ServedMethod = MethodPath & Asks & { /** Absent: work. */ readonly place?: Place };

const read = { access: 'eligibility:read', role: 'queries' } as const;
const write = { access: 'consent:write', role: 'commands' } as const;

export const SERVED = {
  check: { ...METHODS.check, ...read },
  checkBatch: { ...METHODS.checkBatch, ...read },
  filter: { ...METHODS.filter, ...read, place: 'filter' },
  grant: { ...METHODS.grant, ...write },
  revoke: { ...METHODS.revoke, ...write, revocation: true },
  recordMessage: { ...METHODS.recordMessage, ...write },
  watch: { ...METHODS.watch, access: 'eligibility:read', role: 'feed', place: 'watch' },
} as const satisfies Record<string, ServedMethod>;

export const SERVED_BY_PATH: ReadonlyMap<string, ServedMethod> = new Map(
  Object.values(SERVED).map((method) => [method.path, method]),
);
