import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FieldError } from '#platform';
import type { Outcome, CommandAnswer } from '../commands/answer.js';
import { traceIn, type Caller } from '../commands/caller.js';
import type { Principal } from '../authenticate.js';
import type { GateConfig } from './gate.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** What the gate knows of the route; set before anything else is looked at. */
    gate?: GateConfig;
    /** Set before the body is read, on every route that asks for one. */
    principal?: Principal;
    /** What the JSON body left in doubt, on routes that are lenient about it. */
    jsonFaults?: readonly FieldError[];
  }
}

export function callerOf(request: FastifyRequest): Caller {
  const actor = request.principal?.keyId ?? 'anonymous';
  return { actor, requestId: request.id, ...traceIn(request.headers.traceparent) };
}

export function principalOf(request: FastifyRequest): Principal {
  if (!request.principal) throw new Error('the route asks for no principal, yet its handler wants one');
  return request.principal;
}

/** 201 for what was carried out now, 200 and a header for what had been carried out before. */
export function markReplayed(reply: FastifyReply, replayed: boolean): void {
  reply.status(replayed ? 200 : 201);
  if (replayed) reply.header('Idempotent-Replayed', 'true');
}

export function answer(reply: FastifyReply, { answer: content, replayed }: Outcome): CommandAnswer {
  markReplayed(reply, replayed);
  return content;
}
