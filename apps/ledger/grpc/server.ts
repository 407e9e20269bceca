import { Server, logVerbosity, setLogVerbosity, status, type ServerOptions } from '@grpc/grpc-js';
import type { CommandBus } from '@nestjs/cqrs';
import type { Authenticator } from '../authenticate.js';
import type { Connections } from '../connections.js';
import type { Parts } from '../parts.js';
import type { CheckEligibilityHandler } from '../queries/check-eligibility.js';
import { Calls, type Duplex, type StreamWork } from './calls.js';
import { ConsentCalls } from './consent-calls.js';
import { EligibilityCalls } from './eligibility-calls.js';
import { FastLane } from './fast-lane.js';
import { filter } from './filter.js';
import { Gate } from './gate.js';
import { Health } from './health.js';
import { listenerOf, type Listener } from './listener.js';
import { SERVED } from './methods.js';
import { registerReflection } from './reflection.js';
import { watch, type WatchCall } from './watch.js';

/** It would write to stderr, in a form of its own, what it rejects or answers with all the same. */
setLogVerbosity(logVerbosity.NONE);

export interface GrpcSide {
  /** Resolves with the port that was bound; rejects where it is taken. */
  listen(at: { readonly host: string; readonly port: number }): Promise<number>;
  /** Takes no more calls, ends the streams, and lets the others finish for a while. Idempotent. */
  close(): Promise<void>;
  /** Calls that were let in and are not over. */
  readonly inWork: number;
  readonly connections: Connections;
}

/** Whom HTTP asks too. */
export interface Answering {
  readonly checks: CheckEligibilityHandler;
  readonly commands: CommandBus;
}

/**
 * gRPC on grpc-js itself, not on Nest's microservice, which costs a fifth more for each call (ADR 18). Messages are bytes
 * here: readers and writers of our own stand in the methods, so that whatever is wrong with one gets a status of ours.
 */
export function openGrpc(parts: Parts, authenticator: Authenticator, { checks, commands }: Answering): GrpcSide {
  const { limits, feed, filter: filtering } = parts.config;
  const gate = new Gate({
    authenticator,
    places: { work: limits.inFlightMax, filter: filtering.streamsMax, watch: feed.watchersMax },
    timeoutMs: limits.requestTimeoutMs,
    onRefused: (path, code) => parts.metrics.grpcCall(path, code, 0),
  });
  const server = new Server(serverOptions(parts, gate));
  const calls = new Calls(parts, gate);
  const health = new Health(parts);
  const eligibility = new EligibilityCalls(parts, checks);
  registerEligibility(server, calls, eligibility);
  registerStreams(server, calls, {
    filter: (asked, call, ending) => filter({ asked, call, ending }, parts, eligibility, authenticator),
    watch: (asked, call, ending) => watch({ asked, call, ending }, parts, authenticator),
  });
  registerConsent(server, calls, new ConsentCalls(parts, commands));
  health.register(server);
  registerReflection(server);
  const listener = listenerOf(server, parts.config);
  const lane = fastLane({ parts, authenticator, gate, eligibility });
  lane.stand(server);
  let closed: Promise<void> | undefined;
  const stop = () => {
    health.close();
    lane.close();
    calls.endStreams();
    gate.close();
  };
  return {
    get inWork() {
      return gate.inWork;
    },
    connections: listener.connections,
    listen: (at) => listener.listen(at),
    close: () => (closed ??= close({ server, listener, stop }, limits.shutdownTimeoutMs / 2)),
  };
}

interface LaneParts {
  readonly parts: Parts;
  readonly authenticator: Authenticator;
  readonly gate: Gate;
  readonly eligibility: EligibilityCalls;
}

function fastLane({ parts, authenticator, gate, eligibility }: LaneParts): FastLane {
  return new FastLane({
    answer: (authorization, message) => {
      const principal = authenticator.remembered(authorization);
      return principal && eligibility.checkAtOnce(principal, message);
    },
    enter: () => gate.work.enter(),
    leave: () => gate.work.leave(),
    onAnswered: (seconds) => parts.metrics.grpcCall(SERVED.check.path, status.OK, seconds),
    timeoutMs: parts.config.limits.requestTimeoutMs,
  });
}

/** After so long callers are asked to open another connection, and so long what is under way may still take. */
const CONNECTION_AGE_MS = 3_600_000;
const CONNECTION_GRACE_MS = 600_000;

const asBytes = (message: Buffer): Buffer => message;

function registerEligibility(server: Server, calls: Calls, eligibility: EligibilityCalls): void {
  const { check, checkBatch } = SERVED;
  const one = calls.unary(check, (asked, message) => eligibility.check(asked, message));
  const many = calls.unary(checkBatch, (asked, message) => eligibility.batch(asked, message));
  server.register(check.path, one, asBytes, asBytes, 'unary');
  server.register(checkBatch.path, many, asBytes, asBytes, 'unary');
}

interface Streams {
  readonly filter: StreamWork<Duplex>;
  readonly watch: StreamWork<WatchCall>;
}

function registerStreams(server: Server, calls: Calls, { filter: filtering, watch: watching }: Streams): void {
  const { filter: filterMethod, watch: watchMethod } = SERVED;
  server.register(filterMethod.path, calls.stream(filterMethod, filtering), asBytes, asBytes, 'bidi');
  server.register(watchMethod.path, calls.stream(watchMethod, watching), asBytes, asBytes, 'serverStream');
}

function registerConsent(server: Server, calls: Calls, consent: ConsentCalls): void {
  const { grant, revoke, recordMessage } = SERVED;
  const granting = calls.unary(grant, (asked, message) => consent.grant(asked, message));
  const revoking = calls.unary(revoke, (asked, message) => consent.revoke(asked, message));
  const recording = calls.unary(recordMessage, (asked, message) => consent.recordMessage(asked, message));
  server.register(grant.path, granting, asBytes, asBytes, 'unary');
  server.register(revoke.path, revoking, asBytes, asBytes, 'unary');
  server.register(recordMessage.path, recording, asBytes, asBytes, 'unary');
}

function serverOptions({ config }: Parts, gate: Gate): ServerOptions {
  return {
    'grpc.max_receive_message_length': Math.max(config.limits.bodyBytes, config.limits.webhookBytes),
    // Of one connection; further calls wait at the caller.
    'grpc.max_concurrent_streams': 2 * config.limits.inFlightMax,
    // Callers then spread over the replicas that there are by now. Streams are told to go on elsewhere, with UNAVAILABLE;
    // a stop of the service tells them the same.
    'grpc.max_connection_age_ms': CONNECTION_AGE_MS,
    'grpc.max_connection_age_grace_ms': CONNECTION_GRACE_MS,
    // Callers whose network has gone do not hold their streams for ever.
    'grpc.keepalive_time_ms': 20_000,
    'grpc.keepalive_timeout_ms': 10_000,
    // Nobody looks at its counters; ours are in the metrics.
    'grpc.enable_channelz': 0,
    interceptors: [gate.interceptor],
  };
}

interface Closing {
  readonly server: Server;
  readonly listener: Listener;
  /** Ends what would last. */
  readonly stop: () => void;
}

/** Once it is forced nothing is answered any more, and nobody waited for, such as who has not begun to speak TLS. */
function close({ server, listener, stop }: Closing, graceMs: number): Promise<void> {
  listener.close();
  return new Promise((resolve) => {
    const overdue = setTimeout(() => {
      server.forceShutdown();
      listener.connections.destroy();
      resolve();
    }, graceMs);
    server.tryShutdown(() => {
      clearTimeout(overdue);
      listener.connections.destroy();
      resolve();
    });
    stop();
  });
}
