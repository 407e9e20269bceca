import type { Server } from '@grpc/grpc-js';
import { clusterOfOne, supportedMethods } from './calls/about.js';
import { append } from './calls/append.js';
import { batchAppend } from './calls/batch-append.js';
import { softDelete, tombstone } from './calls/delete.js';
import type { Outlet } from './calls/outlet.js';
import { read } from './calls/read.js';
import { subscribeToAll } from './calls/subscribe.js';
import { subscribeToStream } from './calls/subscribe-to-stream.js';
import type { Context } from './context.js';
import type { Handlers } from './handlers.js';
import { decodeAppendRequest, type AppendRequest } from './messages/append.js';
import { decodeBatchAppendRequest, type BatchAppendRequest } from './messages/batch-append.js';
import { decodeReadRequest, type ReadRequest } from './messages/read-request.js';
import { decodeTargetRequest, type Target } from './messages/shared.js';

export interface Service {
  readonly context: Context;
  readonly handlers: Handlers;
  readonly onError: (error: unknown) => void;
  readonly instanceId: string;
}

const STREAMS = '/event_store.client.streams.Streams';

/**
 * Answers are bytes already, and a request that asks for nothing may stay so. Every other method, and every other service,
 * gRPC itself answers as unimplemented.
 */
const asBytes = (message: Buffer): Buffer => message;

export function registerServices(server: Server, { context, handlers, onError, instanceId }: Service): void {
  const about = '/event_store.client';
  const features = handlers.anybody(() => supportedMethods());
  const gossip = handlers.anybody((host) => clusterOfOne(instanceId, host));
  server.register(`${about}.server_features.ServerFeatures/GetSupportedMethods`, features, asBytes, asBytes, 'unary');
  server.register(`${about}.gossip.Gossip/Read`, gossip, asBytes, asBytes, 'unary');
  registerReading(server, context, handlers);
  const appending = handlers.clientStream<AppendRequest>((call) => append(context, call));
  server.register(`${STREAMS}/Append`, appending, asBytes, decodeAppendRequest, 'clientStream');
  const batching = handlers.bidi<BatchAppendRequest>((call, signal, closing) =>
    batchAppend(context, call, { signal, closing, onError }),
  );
  server.register(`${STREAMS}/BatchAppend`, batching, asBytes, decodeBatchAppendRequest, 'bidi');
  for (const [name, work] of [
    ['Delete', softDelete],
    ['Tombstone', tombstone],
  ] as const) {
    const handler = handlers.unary<Target>((target) => work(context, target));
    server.register(`${STREAMS}/${name}`, handler, asBytes, decodeTargetRequest, 'unary');
  }
}

function registerReading(server: Server, context: Context, handlers: Handlers): void {
  const reading = handlers.serverStream((request, outlet) => serveRead(context, request, outlet));
  server.register(`${STREAMS}/Read`, reading, asBytes, decodeReadRequest, 'serverStream');
}

function serveRead(context: Context, request: ReadRequest, outlet: Outlet): Promise<void> {
  if (request.count !== 'subscription') return read(context, request, outlet);
  if (request.source.is === 'all') return subscribeToAll(context, request, outlet);
  return subscribeToStream(context, request, request.source.stream, outlet);
}
