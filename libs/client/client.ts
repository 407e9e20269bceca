import { randomUUID } from 'node:crypto';
import {
  CHECK_BATCH_REQUEST,
  CHECK_BATCH_RESPONSE,
  CHECK_REQUEST,
  CHECK_RESPONSE,
  COMMAND_RESPONSE,
  GRANT_REQUEST,
  METHODS,
  RECORD_MESSAGE_REQUEST,
  REVOKE_REQUEST,
  type CheckBatchRequest,
  type CheckBatchResponse,
  type CheckRequest,
  type CommandAnswer,
  type Decision,
  type FilterRequest,
  type FilterResponse,
  type GrantRequest,
  type MessageType,
  type MethodPath,
  type RecordMessageRequest,
  type RevokeRequest,
  type WatchRequest,
  type WatchResponse,
} from '#grpc-messages';
import { answerIn, asOf, bytesOf } from './bytes.js';
import { Connection, type ConnectionOptions } from './connection.js';
import { sendableKey, usableKey, withReadableTime, type Acted } from './command-parts.js';
import { silent } from './errors.js';
import { filter } from './filter.js';
import { later } from './positions.js';
import { RETRIES, withRetries, type RetryOptions } from './retries.js';
import { watch } from './watch.js';

export interface LedgerClientOptions extends ConnectionOptions {
  /** Longest time for an answer, all attempts together. */
  readonly timeoutMs?: number;
  readonly retries?: Partial<RetryOptions>;
}

/** One that comes again with the same key is the same command; a key is made where none is given. */
export interface CommandOptions {
  readonly idempotencyKey?: string;
}

const TIMEOUT_MS = 10_000;

/**
 * The ledger as a program asks it. Every call has a deadline; what may be asked again is, and commands carry a key that
 * makes this safe; checks carry the position of the newest command that this client was answered, and of the newest
 * change that it was told, so that they are never answered from before. Rejects with `LedgerError`.
 */
export class LedgerClient {
  private readonly connection: Connection;
  private readonly retries: RetryOptions;
  private readonly timeoutMs: number;
  /**
   * Where the ledger was when it acknowledged the newest command of this client, or recorded the newest change that this
   * was told. One for everybody: the same person may be asked about by another spelling of the address, by an id, or as
   * somebody else's linked recipient.
   */
  private newest: string | undefined;

  constructor(options: LedgerClientOptions) {
    this.connection = new Connection(options);
    this.retries = { ...RETRIES, ...options.retries };
    this.timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  }

  /** A no is an answer too. */
  async check(request: CheckRequest): Promise<Decision> {
    const { decision } = await this.question(METHODS.check, CHECK_REQUEST, CHECK_RESPONSE, request);
    if (!decision) throw silent('what was decided');
    return decision;
  }

  /** At most 1,000 questions, answered in the same order. */
  checkBatch(request: CheckBatchRequest): Promise<CheckBatchResponse> {
    return this.question(METHODS.checkBatch, CHECK_BATCH_REQUEST, CHECK_BATCH_RESPONSE, request);
  }

  /**
   * An audience of any size: each request is answered by one response, in the order given, and no more are taken than the
   * answers that are read. What it has not answered when the stream breaks off is asked again on a new one.
   */
  filter(requests: AsyncIterable<FilterRequest> | Iterable<FilterRequest>): AsyncGenerator<FilterResponse, void> {
    return filter({
      connection: this.connection,
      retries: this.retries,
      timeoutMs: this.timeoutMs,
      requests,
      newest: () => this.newest,
    });
  }

  grant(request: GrantRequest, options?: CommandOptions): Promise<CommandAnswer> {
    return this.command(METHODS.grant, GRANT_REQUEST, request, options);
  }

  revoke(request: RevokeRequest, options?: CommandOptions): Promise<CommandAnswer> {
    const { idempotencyKey } = options ?? {};
    const usable = idempotencyKey === undefined ? {} : { idempotencyKey: usableKey(idempotencyKey) };
    return this.command(METHODS.revoke, REVOKE_REQUEST, request, usable);
  }

  recordMessage(request: RecordMessageRequest, options?: CommandOptions): Promise<CommandAnswer> {
    return this.command(METHODS.recordMessage, RECORD_MESSAGE_REQUEST, request, options);
  }

  /**
   * The changes of a business, without end: where the stream breaks off it goes on from the last position told, however
   * long the service is away. Only before anything was told it gives up after the attempts that `retries` allows.
   */
  async *watch(request: WatchRequest, signal?: AbortSignal): AsyncGenerator<WatchResponse, void> {
    for await (const told of watch(this.connection, this.retries, request, signal)) {
      if (told.change) this.newest = later(this.newest, told.position);
      yield told;
    }
  }

  /** Ends the connection once what is under way has ended: of a watch, its signal or its stream. */
  close(): void {
    this.connection.close();
  }

  private async command<Request extends Acted>(
    method: MethodPath,
    type: MessageType<Request>,
    request: Request,
    { idempotencyKey = randomUUID() }: CommandOptions = {},
  ): Promise<CommandAnswer> {
    const key = { 'idempotency-key': sendableKey(idempotencyKey) };
    const message = bytesOf(type, withReadableTime(request));
    const { answer } = await this.ask(method, COMMAND_RESPONSE, () => message, key);
    if (!answer) throw silent('what was recorded');
    this.newest = later(this.newest, answer.position);
    return answer;
  }

  /** Each attempt carries what is the newest by then: a command may have been answered since the one before. */
  private async question<Request extends { readonly atLeast?: string }, Response extends object>(
    method: MethodPath,
    requestType: MessageType<Request>,
    responseType: MessageType<Response>,
    request: Request,
  ): Promise<Response> {
    const { atLeast } = request;
    const message = bytesOf(requestType, request);
    return this.ask(method, responseType, () => asOf(requestType, message, later(this.newest, atLeast)));
  }

  private async ask<Response extends object>(
    method: MethodPath,
    responseType: MessageType<Response>,
    message: () => Buffer,
    metadata: Readonly<Record<string, string>> = {},
  ): Promise<Response> {
    const endMs = performance.now() + this.timeoutMs;
    return withRetries(this.retries, endMs, async () => {
      // gRPC wants a time of day. Made anew for each attempt, so that a clock which is set lengthens no call.
      const deadlineMs = Date.now() + endMs - performance.now();
      const answer = await this.connection.unary(method.path, message(), deadlineMs, metadata);
      return answerIn(responseType, answer);
    });
  }
}
