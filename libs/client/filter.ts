import { setTimeout as pause } from 'node:timers/promises';
import { status, type ClientDuplexStream, type ServiceError } from '@grpc/grpc-js';
import { FILTER_REQUEST, FILTER_RESPONSE, METHODS, type FilterRequest, type FilterResponse } from '#grpc-messages';
import type { Connection } from './connection.js';
import { LedgerError, ledgerErrorOf } from './errors.js';
import type { RetryOptions } from './retries.js';

export interface Filtering {
  readonly connection: Connection;
  readonly retries: RetryOptions;
  /** Longest time for the next answer. */
  readonly timeoutMs: number;
  readonly requests: AsyncIterable<FilterRequest> | Iterable<FilterRequest>;
  readonly asOf: (request: FilterRequest) => FilterRequest;
}

/** Requests that are under way at once. */
const UNDER_WAY = 8;

/** One stream after the other, each with what is not answered yet. */
export async function* filter(filtering: Filtering): AsyncGenerator<FilterResponse, void> {
  const { connection, retries } = filtering;
  const source = iteratorOf(filtering.requests);
  const unanswered: Buffer[] = [];
  let isOver = false;
  let failures = 0;
  try {
    for (;;) {
      const stream = connection.bidi(METHODS.filter.path);
      try {
        for (const message of unanswered) stream.write(message);
        const answers = stream.iterator() as AsyncIterator<Buffer>;
        for (;;) {
          while (!isOver && unanswered.length < UNDER_WAY) {
            const next = await source.next();
            if (next.done) isOver = true;
            else send(stream, unanswered, FILTER_REQUEST.encode(filtering.asOf(next.value)));
          }
          if (unanswered.length === 0) return void stream.end();
          const answer = await within(filtering.timeoutMs, answers.next());
          if (answer.done) throw brokenOff();
          unanswered.shift();
          failures = 0;
          yield FILTER_RESPONSE.decode(answer.value);
        }
      } catch (error) {
        failures = await mayGoOn(error, failures, retries);
      } finally {
        stream.on('error', () => undefined).cancel();
      }
    }
  } finally {
    await source.return?.();
  }
}

function send(stream: ClientDuplexStream<Buffer, Buffer>, unanswered: Buffer[], message: Buffer): void {
  unanswered.push(message);
  stream.write(message);
}

function iteratorOf(requests: Filtering['requests']): AsyncIterator<FilterRequest> | Iterator<FilterRequest> {
  return Symbol.asyncIterator in requests ? requests[Symbol.asyncIterator]() : requests[Symbol.iterator]();
}

/** Pauses, or throws what there is no going on after. Answers how often it has failed without an answer in between. */
export async function mayGoOn(
  error: unknown,
  failures: number,
  retries: RetryOptions,
  signal?: AbortSignal,
): Promise<number> {
  const known =
    error instanceof Error && 'code' in error && 'metadata' in error ? ledgerErrorOf(error as ServiceError) : error;
  if (!(known instanceof LedgerError) || !known.isPassing || failures + 1 >= retries.attempts) throw known;
  const most = Math.min(retries.longestPauseMs, retries.firstPauseMs * 2 ** failures);
  await pause((known.retryAfterMs ?? 0) + Math.random() * most, undefined, signal ? { signal } : {});
  return failures + 1;
}

export function brokenOff(): LedgerError {
  return new LedgerError(
    'UNAVAILABLE',
    status.UNAVAILABLE,
    [],
    undefined,
    undefined,
    'UNAVAILABLE: the stream broke off',
  );
}

async function within<T>(ms: number, answer: Promise<T>): Promise<T> {
  const overdue = new AbortController();
  const late = pause(ms, undefined, { signal: overdue.signal }).then(() => {
    throw new LedgerError(
      'DEADLINE_EXCEEDED',
      status.DEADLINE_EXCEEDED,
      [],
      undefined,
      undefined,
      'DEADLINE_EXCEEDED: no answer in time',
    );
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([answer, late]);
  } finally {
    overdue.abort();
  }
}
