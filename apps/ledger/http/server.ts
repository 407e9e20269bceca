import { randomUUID } from 'node:crypto';
import { lookup } from 'node:dns/promises';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CommandBus } from '@nestjs/cqrs';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { NestLog, problemServerOptions } from '#platform';
import { connectionsOf, type Connections } from '../connections.js';
import { LedgerModule } from '../ledger.module.js';
import type { Parts } from '../parts.js';
import { CheckEligibilityHandler } from '../queries/check-eligibility.js';
import type { Authenticator } from '../authenticate.js';
import { parseBodies, type BodyMode } from './body-parser.js';
import { FastLane } from './fast-lane.js';
import { guardRoutes } from './gate.js';
import { SlowAnswers } from './slow-answers.js';
import { SlowBodies, lookEveryMs } from './slow-bodies.js';
import { closeWaitingAnswers } from './waiting-answers.js';

export interface HttpSide {
  /** Resolves with the port that was bound; rejects where it is taken. */
  listen(at: { readonly host: string; readonly port: number }): Promise<number>;
  close(): Promise<void>;
  /** Whom gRPC asks too. */
  readonly checks: CheckEligibilityHandler;
  readonly commands: CommandBus;
  readonly connections: Connections;
}

export async function openHttp(parts: Parts, authenticator: Authenticator): Promise<HttpSide> {
  const { config, log } = parts;
  const { bodyBytes, webhookBytes } = config.limits;
  const adapter = new FastifyAdapter(serverOptions(parts));
  const fastify = adapter.getInstance();
  fastify.addHook('onRoute', (route) => {
    const { body } = (route.config ?? {}) as { body?: BodyMode };
    // An opt-out is not turned away for a long reason, nor a delivery for its many parts.
    if (body === 'lenient') route.bodyLimit = Math.max(bodyBytes, webhookBytes);
    else if (body !== undefined && body !== 'strict') route.bodyLimit = webhookBytes;
  });
  parseBodies(fastify, config.limits.jsonDepth);
  let isStopping = false;
  guardRoutes(fastify, parts, authenticator, () => isStopping);
  const slowBodies = new SlowBodies(config.limits.requestTimeoutMs);
  const slowAnswers = new SlowAnswers(config.limits.requestTimeoutMs);
  const module = LedgerModule.over(parts, authenticator, slowBodies);
  const app = await NestFactory.create<NestFastifyApplication>(module, adapter, {
    bodyParser: false,
    logger: new NestLog(log),
    abortOnError: false,
  });
  await app.init();
  app.getHttpServer().headersTimeout = config.limits.requestTimeoutMs;
  const server: Server = app.getHttpServer();
  const connections = connectionsOf(server, config.limits.connectionsMax, () => server.closeIdleConnections());
  closeWaitingAnswers(app.getHttpServer());
  slowAnswers.stand(app.getHttpServer());
  slowBodies.stand(app.getHttpServer());
  const checks = app.get(CheckEligibilityHandler);
  const lane = new FastLane(parts, authenticator, checks);
  lane.stand(app.getHttpServer());
  return {
    checks,
    commands: app.get(CommandBus),
    connections,
    listen: async ({ host, port }) => {
      // For the name `localhost` Fastify opens a second server, past all that stands on this one.
      const { address } = await lookup(host);
      await app.listen(port, address);
      return (app.getHttpServer().address() as AddressInfo).port;
    },
    close: () => {
      isStopping = true;
      lane.close();
      slowBodies.close();
      slowAnswers.close();
      return closeServing(app, connections, config.limits.shutdownTimeoutMs / 2);
    },
  };
}

/** How often connections that have fallen idle are ended while the server closes. */
const IDLE_LOOK_MS = 20;

/**
 * Callers keep connections open for minutes: those that are idle, or become so, must not hold up the end. Nor must one
 * whose request never arrives in full; after the grace nothing that was received is still being answered.
 */
async function closeServing(app: NestFastifyApplication, connections: Connections, graceMs: number): Promise<void> {
  const server: Server = app.getHttpServer();
  const looking = setInterval(() => server.closeIdleConnections(), IDLE_LOOK_MS);
  const overdue = setTimeout(() => connections.destroy(), graceMs);
  try {
    await app.close();
  } finally {
    clearInterval(looking);
    clearTimeout(overdue);
  }
}

function serverOptions({ config, log }: Parts) {
  const { limits, tls } = config;
  // Node itself looks for slow heads every half a minute, whatever their limit is.
  const connectionsCheckingInterval = lookEveryMs(limits.requestTimeoutMs);
  return {
    skipMiddie: true,
    bodyLimit: limits.bodyBytes,
    genReqId: () => randomUUID(),
    // Its own answer while it closes is no problem document, and turns opt-outs away; the gate knows better.
    return503OnClosing: false,
    // A check must be what it says: no coercion of types, no silent removal of fields.
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, useDefaults: false, allErrors: false } },
    ...problemServerOptions(log),
    ...(tls
      ? { https: { cert: tls.cert, key: tls.key, connectionsCheckingInterval } }
      : { http: { connectionsCheckingInterval } }),
  };
}
