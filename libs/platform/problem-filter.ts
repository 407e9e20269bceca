import { type ArgumentsHost, Catch, type ExceptionFilter } from '@nestjs/common';
import type { FastifyReply, FastifyRequest, FastifyServerOptions } from 'fastify';
import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import { Refusal } from './errors.js';
import { instanceOf, toProblem } from './http-problem.js';
import type { Log } from './log.js';

/** Answers every error of the HTTP side as Problem Details. Register as `APP_FILTER`. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly log: Log) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const http = host.switchToHttp();
    sendProblem(error, http.getRequest<FastifyRequest>(), http.getResponse<FastifyReply>(), this.log);
  }
}

/** Options for Fastify, so that requests which never reach a route are answered alike: bad URLs, bad HTTP. */
export function problemServerOptions(
  log: Log,
): Required<Pick<FastifyServerOptions, 'frameworkErrors' | 'clientErrorHandler'>> {
  return {
    frameworkErrors: (error, request, reply) => sendProblem(error, request, reply, log),
    clientErrorHandler: (_error, socket) => answerBadHttp(socket),
  };
}

/** How long a caller who was answered so may take to hang up, in milliseconds: destroyed at once, it might not hear why. */
const HANG_UP_MS = 2_000;

/** There is no request to answer, only a socket that sent something else than HTTP, or too slowly or too much of it. */
function answerBadHttp(socket: Socket): void {
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const refusal = new Refusal('VALIDATION_FAILED', 'This is not HTTP/1.1 that can be read.');
  const { problem, status, headers } = toProblem(refusal, instanceOf(randomUUID()));
  const body = JSON.stringify(problem);
  const all = { ...headers, 'content-length': String(Buffer.byteLength(body)), connection: 'close' };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  const overdue = setTimeout(() => socket.destroy(), HANG_UP_MS).unref();
  socket.once('close', () => clearTimeout(overdue));
  socket.end([`HTTP/1.1 ${status} Bad Request`, ...lines, '', body].join('\r\n'));
}

/** Sends the problem unless an answer is already on its way; logs what is ours to mend. */
function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply, log: Log): void {
  const { problem, status, headers, internal } = toProblem(error, instanceOf(request.id));
  if (internal) logInternal(error, request, log);
  if (reply.sent) return;
  // Serialised here: a response schema of the route would drop the problem's fields.
  void reply
    .code(status)
    .headers(headers)
    .serializer((body: unknown) => body as string)
    .send(JSON.stringify(problem));
}

function logInternal(error: unknown, request: FastifyRequest, log: Log): void {
  const route = request.routeOptions?.url ?? 'none';
  log.error({ err: error, requestId: request.id, method: request.method, route }, 'a request failed');
}
