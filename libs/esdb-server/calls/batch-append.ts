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
import { overloaded, refusalOf } from '../refusal.js';
import { appendEvents } from './append-events.js';
import { Gathered } from './gathered.js';

type BatchCall = ServerDuplexStream<BatchAppendRequest, Buffer>;

/** BatchAppend: one long call that carries many appends at once, each known by its correlation id. */
export function batchAppend(context: Context, call: BatchCall, onError: (error: unknown) => void): Promise<void> {
  const batches = new Batches(context, call, onError);
  return new Promise((resolve, reject) => {
    call.on('data', (request: BatchAppendRequest) => batches.take(request));
    call.on('end', () => void batches.allAnswered().then(resolve, reject));
    call.on('error', reject);
  });
}

class Batches {
  private readonly gathering = new Map<string, Gathered>();
  private underWay = 0;
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

  /** The answers to everything that was asked before the client ended its side. */
  allAnswered(): Promise<void> {
    if (this.underWay === 0) return Promise.resolve();
    return new Promise((resolve) => (this.whenIdle = resolve));
  }

  private begin(key: string, target: BatchTarget | undefined): Gathered {
    const { appendBytes, openAppends } = this.context.limits;
    if (this.gathering.size >= openAppends) this.call.emit('error', overloaded('too many appends are half sent'));
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

  /** Beyond the limit the client is not read, so that its own flow control holds it back. */
  private enter(): void {
    this.underWay += 1;
    if (this.underWay >= this.context.limits.batchedAppends) this.call.pause();
  }

  private leave(): void {
    this.underWay -= 1;
    if (this.underWay < this.context.limits.batchedAppends) this.call.resume();
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
