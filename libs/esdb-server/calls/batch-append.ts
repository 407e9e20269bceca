import { EventTooLarge, StoreError } from '#event-store';
import type { ServerDuplexStream } from '@grpc/grpc-js';
import type { Context } from '../context.js';
import {
  encodeBatchReply,
  type BatchAppendRequest,
  type BatchOutcome,
  type BatchTarget,
  type Deadline,
} from '../messages/batch-append.js';
import { gone, overloaded, readOnly, refusalOf, type Refusal } from '../refusal.js';
import { appendEvents } from './append-events.js';
import { Gathered } from './gathered.js';

type BatchCall = ServerDuplexStream<BatchAppendRequest, Buffer>;

interface Ending {
  /** Aborts when the call is over. */
  readonly signal: AbortSignal;
  /** Aborts when the server stops. */
  readonly closing: AbortSignal;
  readonly onError: (error: unknown) => void;
}

/**
 * BatchAppend: one long call that carries many appends at once, each known by its correlation id. When the server stops
 * it takes no more, answers what it has taken, and ends. A connection that was reset closes the call without its end.
 */
export async function batchAppend(
  context: Context,
  call: BatchCall,
  { signal, closing, onError }: Ending,
): Promise<void> {
  if (!context.writable) throw readOnly();
  const batches = new Batches(context, call, onError);
  return new Promise((resolve, reject) => {
    const finish = (reason?: Error) => void batches.allAnswered().then(() => (reason ? reject(reason) : resolve()));
    call.on('data', (request: BatchAppendRequest) => {
      try {
        batches.take(request);
      } catch (error) {
        reject(error instanceof Error ? error : new Error(String(error)));
      }
    });
    call.on('end', () => finish());
    call.on('close', () => finish(gone()));
    call.on('drain', () => batches.pace());
    closing.addEventListener('abort', () => finish(closing.reason as Refusal), { once: true, signal });
  });
}

class Batches {
  private readonly gathering = new Map<string, Gathered>();
  private underWay = 0;
  private isEnding = false;
  private whenIdle: (() => void) | undefined;

  constructor(
    private readonly context: Context,
    private readonly call: BatchCall,
    private readonly onError: (error: unknown) => void,
  ) {}

  /** An append is sent to the store at once, so that those of many callers share one commit. */
  take({ correlation, target, events, isFinal }: BatchAppendRequest): void {
    const key = correlation.toString('latin1');
    const gathered = this.gathering.get(key) ?? this.begin(key, target);
    for (const event of events) gathered.add(event);
    if (!isFinal) return;
    this.gathering.delete(key);
    void this.answer(correlation, gathered);
  }

  /** Takes no more; resolves when all that was taken has been answered. */
  allAnswered(): Promise<void> {
    this.isEnding = true;
    this.call.pause();
    if (this.underWay === 0) return Promise.resolve();
    return new Promise((resolve) => (this.whenIdle = resolve));
  }

  /** Beyond the limit the client is not read, also where it does not read its answers: so it is held back itself. */
  pace(): void {
    const limit = this.context.limits.batchedAppends;
    const doesNotRead = this.call.writableNeedDrain && this.underWay + this.call.writableLength >= limit;
    const isFull = this.underWay >= limit || doesNotRead;
    if (isFull || this.isEnding) this.call.pause();
    else this.call.resume();
  }

  private begin(key: string, target: BatchTarget | undefined): Gathered {
    const { appendBytes, openAppends } = this.context.limits;
    if (this.gathering.size >= openAppends) throw overloaded('too many appends are half sent');
    const gathered = new Gathered(target ?? { stream: '', expected: 'any' }, appendBytes);
    this.gathering.set(key, gathered);
    return gathered;
  }

  private async answer(correlation: Buffer, gathered: Gathered): Promise<void> {
    this.enter();
    const outcome = await this.outcomeOf(gathered);
    if (!this.call.cancelled) this.call.write(encodeBatchReply(correlation, gathered.target.stream, outcome));
    this.leave();
  }

  private async outcomeOf({ target, events, isTooLarge }: Gathered): Promise<BatchOutcome> {
    if (isTooLarge) return { is: 'too-large', limitBytes: this.context.limits.appendBytes };
    if (hasPassed(target.deadline)) return { is: 'timeout' };
    try {
      const outcome = await appendEvents(this.context, target, events);
      return 'wrong' in outcome ? { is: 'wrong-version', ...outcome.wrong } : { is: 'written', ...outcome };
    } catch (error) {
      return this.failureOf(error);
    }
  }

  private failureOf(error: unknown): BatchOutcome {
    const known = outcomeOfError(error);
    if (known) return known;
    this.onError(error);
    return { is: 'unknown' };
  }

  private enter(): void {
    this.underWay += 1;
    this.pace();
  }

  private leave(): void {
    this.underWay -= 1;
    this.pace();
    if (this.underWay === 0) this.whenIdle?.();
  }
}

/** Looked at once, when the append has arrived whole: what is in the store's queue is written without delay. */
function hasPassed(deadline: Deadline | undefined): boolean {
  if (deadline === undefined) return false;
  return 'at' in deadline ? deadline.at <= Date.now() : deadline.within <= 0;
}

/** A store that cannot write now is told as a time-out, the one failure that clients try again. */
function outcomeOfError(error: unknown): BatchOutcome | undefined {
  if (error instanceof EventTooLarge) return { is: 'too-large', limitBytes: error.limitBytes };
  if (error instanceof StoreError) return { is: 'timeout' };
  const refusal = refusalOf(error);
  const exception = refusal?.metadata.get('exception')[0];
  if (exception === 'stream-deleted' || exception === 'access-denied') return { is: exception };
  return refusal ? { is: 'bad-request', message: refusal.details } : undefined;
}
