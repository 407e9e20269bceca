import { AppendCall } from './append-call.js';
import type { AppendAnswer, AppendRequest } from './append-messages.js';
import { EsdbClient, type Begun, type ReadCall } from './client.js';
import { CallFailure, failureOf } from './failure.js';
import type { Peer } from './peer.js';

export interface ConnectionEvents {
  /** Something came from the server. */
  readonly heard: () => void;
  /** The server's clock, in milliseconds since 1970; whole seconds. */
  readonly clock: (serverMs: number) => void;
  /** Called once; whoever still waits for an answer has been told, and nothing is to be asked of this one again. */
  readonly lost: (failure: CallFailure) => void;
}

export interface ReadOptions {
  /** Called with each message, in order, and who sent it; true: enough, the server may stop. */
  readonly take: (message: Buffer, peer: Peer) => boolean;
  /**
   * Called when the server has sent everything, with how far it had shown to be when it was asked: 0 where that may have
   * been another. May throw a `CallFailure`, with which the call then fails.
   */
  readonly ended?: (shown: number) => void;
  readonly signal?: AbortSignal;
  /** A call that is silent for hours by nature, once it has begun. */
  readonly live?: boolean;
}

/** How often within `silenceMs` the connection is looked at: a process that was busy itself must not blame the server. */
const LOOKS = 10;

/**
 * One client, and when to give it up. The calls of the protocol have no time-outs: where the network drops packets
 * without a word, nothing would ever come back. So a connection on which somebody waits and nothing at all is heard for
 * `silenceMs` is lost.
 */
export class Connection {
  private readonly client: EsdbClient;
  private readonly watch: NodeJS.Timeout;
  private readonly appending = new AppendCall(() => this.client.batchAppend(), this);
  private readonly open = new Set<(failure: CallFailure) => void>();
  private waiting = 0;
  private silentLooks = 0;
  private failure: CallFailure | undefined;

  constructor(
    url: string,
    turn: number,
    silenceMs: number,
    private readonly events: ConnectionEvents,
  ) {
    this.client = new EsdbClient(url, turn);
    this.watch = setInterval(() => this.look(), silenceMs / LOOKS).unref();
  }

  /** Rejects with a `CallFailure`. */
  async append(request: AppendRequest): Promise<AppendAnswer> {
    return this.guarded(() => this.appending.send(request));
  }

  /** Resolves when the server has sent everything, `take` has had enough or the signal aborts; no call is left open. */
  async read(request: Buffer, options: ReadOptions): Promise<void> {
    await this.guarded(async (waited) => {
      const begun = await this.client.read(request);
      const shown = begun.peer.n;
      await this.receive(begun, options, waited);
      if (!options.signal?.aborted) options.ended?.(begun.peer === this.client.peer ? shown : 0);
    });
  }

  /** How far in the ledger the server at the other end has shown to be. */
  get shown(): number {
    return this.client.peer.n;
  }

  /** Whoever waits is told that it failed, calls are cancelled, the channel is closed. */
  giveUp(failure: CallFailure): void {
    if (this.failure) return;
    this.failure = failure;
    clearInterval(this.watch);
    for (const tell of this.open) tell(failure);
    this.appending.cancel();
    this.client.close();
    this.events.lost(failure);
  }

  heard(): void {
    this.silentLooks = 0;
    this.events.heard();
  }

  /** Servers send their time with the headers of an answer. */
  headers(headers: { get(name: string): unknown[] }): void {
    this.silentLooks = 0;
    const serverMs = Date.parse(String(headers.get('date')[0]));
    if (!Number.isNaN(serverMs)) this.events.clock(serverMs);
  }

  private look(): void {
    this.silentLooks = this.waiting === 0 ? 0 : this.silentLooks + 1;
    if (this.silentLooks >= LOOKS) this.giveUp(new CallFailure('connection', 'EventStoreDB does not answer'));
  }

  /** Counts who waits, and lets a call end at once where the connection is given up. */
  private async guarded<T>(call: (waited: () => void) => Promise<T>): Promise<T> {
    if (this.failure) throw this.failure;
    let counts = true;
    const waited = () => {
      if (counts) this.waiting -= 1;
      counts = false;
    };
    this.waiting += 1;
    let tell: (failure: CallFailure) => void = () => undefined;
    const lost = new Promise<never>((_, reject) => this.open.add((tell = reject)));
    try {
      return await Promise.race([call(waited), lost]);
    } catch (error) {
      throw await this.noted(error);
    } finally {
      waited();
      this.open.delete(tell);
    }
  }

  private async noted(error: unknown): Promise<unknown> {
    const failure = failureOf(error);
    if (!(failure instanceof CallFailure)) return failure;
    if (failure.kind === 'not the leader' && error instanceof Error) await this.client.followLeader(error);
    if (failure.losesConnection) this.giveUp(failure);
    return failure;
  }

  private receive(
    { call, peer }: Begun<ReadCall>,
    { take, signal, live = false }: ReadOptions,
    waited: () => void,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const stop = () => {
        call.cancel();
        settle(resolve);
      };
      const settle = (how: () => void) => {
        this.open.delete(stop);
        signal?.removeEventListener('abort', stop);
        how();
      };
      this.open.add(stop);
      signal?.addEventListener('abort', stop, { once: true });
      call.on('metadata', (headers) => this.headers(headers));
      call.on('data', (message: Buffer) => {
        this.heard();
        if (live) waited();
        if (attempt(() => take(message, peer), reject)) stop();
      });
      call.on('error', (error) => settle(() => reject(error)));
      call.on('end', () => settle(resolve));
      if (signal?.aborted || this.failure) stop();
    });
  }
}

/** A callback that throws within an event would end the process. */
function attempt(work: () => boolean, failed: (error: unknown) => void): boolean {
  try {
    return work();
  } catch (error) {
    failed(error);
    return true;
  }
}
