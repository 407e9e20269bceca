import { setTimeout as pause } from 'node:timers/promises';
import type { ClientDuplexStream } from '@grpc/grpc-js';
import { FILTER_RESPONSE, METHODS, type FilterResponse } from '#grpc-messages';
import { answerIn } from './bytes.js';
import { Audience, SourceFailed, type AudienceOptions } from './audience.js';
import type { Connection } from './connection.js';
import { brokenOff, known, overdue } from './errors.js';
import { pauseAfter, type RetryOptions } from './retries.js';

export interface Filtering extends AudienceOptions {
  readonly connection: Connection;
  readonly retries: RetryOptions;
  /** Longest time for the next answer. */
  readonly timeoutMs: number;
}

/** One stream after the other, each with what is not answered yet. What the source throws ends it. */
export async function* filter(filtering: Filtering): AsyncGenerator<FilterResponse, void> {
  const audience = new Audience(filtering);
  let failures = 0;
  try {
    // Opened only once there is something to ask: the service ends a stream that stands still for long.
    while (await audience.hasMore()) {
      const stream = filtering.connection.bidi(METHODS.filter.path).on('error', () => undefined);
      try {
        for await (const answer of answersOn(stream, audience, filtering.timeoutMs)) {
          failures = 0;
          yield answer;
        }
        stream.end();
      } catch (error) {
        if (error instanceof SourceFailed) throw error;
        failures += 1;
        await pause(pauseAfter(known(error), failures, filtering.retries));
      } finally {
        stream.cancel();
      }
    }
  } catch (error) {
    throw error instanceof SourceFailed ? error.cause : error;
  } finally {
    await audience.close();
  }
}

type Stream = ClientDuplexStream<Buffer, Buffer>;

/** An answer is awaited from the start on, and while the source is: it may make its next request of the last answer. */
async function* answersOn(stream: Stream, audience: Audience, timeoutMs: number): AsyncGenerator<FilterResponse, void> {
  const { unanswered } = audience;
  const answers = stream.iterator() as AsyncIterator<Buffer>;
  let answering = heldBack(answers.next());
  let [sent, dueMs] = [0, 0];
  while (!audience.isOver) {
    if (sent === 0) dueMs = performance.now() + timeoutMs;
    for (const message of audience.messagesFrom(sent)) stream.write(message);
    sent = unanswered.length;
    const next = audience.mayTake ? Promise.race([answering, audience.take()]) : answering;
    const answer = await (sent === 0 ? next : within(Math.max(0, dueMs - performance.now()), next));
    if (!answer) continue;
    if (answer.done || sent === 0) throw brokenOff();
    unanswered.shift();
    sent -= 1;
    answering = heldBack(answers.next());
    yield answerIn(FILTER_RESPONSE, answer.value);
    dueMs = performance.now() + timeoutMs;
  }
}

/** Fails only for whoever awaits it. */
function heldBack<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}

async function within<T>(ms: number, answer: Promise<T>): Promise<T> {
  const answered = new AbortController();
  const late = pause(ms, undefined, { signal: answered.signal }).then(() => {
    throw overdue();
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([answer, late]);
  } finally {
    answered.abort();
  }
}
