import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Refusal, ERRORS } from '#platform';
import { businessNotFound } from '../commands/register.js';
import type { Parts } from '../parts.js';
import { authorize, type Access, type Authenticator, type Principal } from './authenticate.js';
import type { BodyMode } from './body-parser.js';

/** What the gate needs to know of a route; set by `@Route`. */
export interface GateConfig {
  readonly access: Access;
  readonly body?: BodyMode;
  /** An opt-out passes every limit, and no doubt about the register keeps it out. */
  readonly revocation?: boolean;
  /** Registers the business itself: it need not exist yet. */
  readonly founds?: boolean;
}

/**
 * Stands before every route, as Fastify hooks rather than Nest guards: a stranger is turned away, and an overload
 * answered, before a body is read; and the check route pays a map look-up, no promise.
 */
export function guardRoutes(fastify: FastifyInstance, parts: Parts, authenticator: Authenticator): void {
  const load = { inFlight: 0 };
  const deliveries = { inFlight: 0 };
  fastify.addHook('onRequest', (request, reply, done) => {
    const { access, revocation, body } = configOf(request);
    if (body === 'raw') return done(admitDelivery(parts, deliveries, reply));
    if (access === 'none' || access === undefined) return done();
    if (!revocation && load.inFlight >= parts.config.limits.inFlightMax) return done(overloaded());
    count(load, reply);
    // What a key opens is about people, or true for this moment only: no cache between here and the caller may keep it.
    void reply.header('cache-control', 'no-store');
    const { authorization } = request.headers;
    const remembered = authenticator.remembered(authorization);
    if (remembered) return done(admit(parts, request, remembered));
    authenticator.principalOf(authorization).then(
      (principal) => done(admit(parts, request, principal)),
      (error: Error) => done(error),
    );
  });
  fastify.addHook('onResponse', (request, reply, done) => {
    const { url } = request.routeOptions;
    parts.metrics.httpRequest(request.method, url ?? 'none', reply.statusCode, reply.elapsedTime / 1_000);
    done();
  });
}

/** Strangers may send deliveries too, and hold a body each until its signature is looked at. */
function admitDelivery(parts: Parts, deliveries: { inFlight: number }, reply: FastifyReply): Error | undefined {
  if (deliveries.inFlight >= parts.config.limits.deliveriesInFlightMax) return overloaded();
  count(deliveries, reply);
  return undefined;
}

function configOf(request: FastifyRequest): Partial<GateConfig> {
  return request.routeOptions.config as Partial<GateConfig>;
}

function count(load: { inFlight: number }, reply: FastifyReply): void {
  load.inFlight++;
  reply.raw.once('close', () => load.inFlight--);
}

function admit(parts: Parts, request: FastifyRequest, principal: Principal): Error | undefined {
  const { access = 'admin', revocation, founds } = configOf(request);
  const { b: businessId } = request.params as { b?: string };
  try {
    authorize(principal, access, businessId);
    const vouched = founds === true || (revocation === true && principal.businessId !== undefined);
    const unknown = businessId !== undefined && !parts.view.catalogue.business(businessId)?.state.profile;
    if (unknown && !vouched) throw businessNotFound();
    request.principal = principal;
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

function overloaded(): Refusal {
  return new Refusal('OVERLOADED', ERRORS.OVERLOADED.title, { retryAfterMs: 1_000 });
}
