import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Refusal, ERRORS } from '#platform';
import { requireAdmitted, requireRole, type Asks } from '../admission.js';
import { mayBeNews, withNews } from '../commands/register.js';
import { stopping } from '../failures.js';
import { InWork } from '../in-work.js';
import type { Parts } from '../parts.js';
import type { Authenticator, Principal } from '../authenticate.js';
import type { BodyMode } from './body-parser.js';
import { DeliveryPlaces } from './delivery-places.js';
import { cutOff } from './slow-bodies.js';

/** What the gate needs to know of a route; set by `@Route`. */
export interface GateConfig extends Asks {
  /** The pattern of the route, by which it is counted. */
  readonly path: string;
  readonly body?: BodyMode;
  /** Answers until the caller leaves: counted by the feed, and not as work. */
  readonly watch?: boolean;
}

/**
 * Stands before every route, as Fastify hooks rather than Nest guards: a stranger is turned away, and an overload
 * answered, before a body is read; and the check route pays a map look-up, no promise. While the service stops, what
 * still comes over an open connection goes elsewhere, but for what may be an opt-out: the ledger is open to the last.
 */
export function guardRoutes(
  fastify: FastifyInstance,
  parts: Parts,
  authenticator: Authenticator,
  isStopping: () => boolean,
): void {
  const { inFlightMax, deliveriesInFlightMax } = parts.config.limits;
  const load = new InWork(inFlightMax);
  const deliveries = new DeliveryPlaces(deliveriesInFlightMax, (late) => cutOff(fastify.server, late));
  fastify.decorateRequest('gate');
  fastify.decorateRequest('principal');
  fastify.decorateRequest('jsonFaults');
  fastify.addHook('onRequest', (request, reply, done) => {
    const gate = request.routeOptions.config as unknown as GateConfig;
    request.gate = gate;
    if (isStopping()) {
      void reply.header('connection', 'close');
      if (gate.revocation !== true && gate.body !== 'raw') return done(stopping());
    }
    const misled = refusalOf(() => requireRole(parts, gate.role));
    if (misled) return done(misled);
    // Strangers may send deliveries too, and hold a body each until its signature is looked at.
    if (gate.body === 'raw') return done(deliveries.enter(request.raw, reply.raw) ? undefined : overloaded());
    if (gate.access === 'none' || gate.access === undefined) return done();
    const isWork = gate.watch !== true;
    if (isWork && !enter(load, reply, gate.revocation === true)) return done(overloaded());
    // What a key opens is about people, or true for this moment only: no cache between here and the caller may keep it.
    void reply.header('cache-control', 'no-store');
    const { authorization } = request.headers;
    const remembered = authenticator.remembered(authorization);
    if (remembered) return admit(parts, request, remembered, done);
    authenticator.principalOf(authorization).then((principal) => admit(parts, request, principal, done), done);
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    // One that was opened was counted then: how long somebody watched says nothing of the service.
    if (request.gate?.watch === true && reply.statusCode === 200) return done();
    const route = request.gate?.path ?? 'none';
    parts.metrics.httpRequest(request.method, route, reply.statusCode, reply.elapsedTime / 1_000);
    done();
  });
}

/** Takes a place until the answer is sent or its caller has gone; false where there is none. */
function enter(places: InWork, reply: FastifyReply, beyond: boolean): boolean {
  const isInside = places.enter(beyond);
  if (isInside) reply.raw.on('close', places.leave);
  return isInside;
}

/** Waits only where another process may have registered the business a moment ago. */
function admit(parts: Parts, request: FastifyRequest, principal: Principal, done: (error?: Error) => void): void {
  const { b: businessId } = request.params as { b?: string };
  const admitted = () => {
    requireAdmitted(parts, principal, request.gate ?? CLOSED, businessId);
    request.principal = principal;
  };
  const refusal = refusalOf(admitted);
  if (refusal === undefined || !mayBeNews(parts, refusal)) return done(refusal);
  withNews(parts, admitted).then(() => done(), done);
}

function refusalOf(work: () => void): Error | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

/** What no `@Route` has opened is for the admin key alone. */
const CLOSED: GateConfig = { access: 'admin', path: 'none' };

function overloaded(): Refusal {
  return new Refusal('OVERLOADED', ERRORS.OVERLOADED.title, { retryAfterMs: 1_000 });
}
