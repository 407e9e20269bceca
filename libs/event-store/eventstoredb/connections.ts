import { StoreUnavailable } from '../port.js';
import type { AppendAnswer, AppendRequest } from './append-messages.js';
import { ClockCheck } from './clock-check.js';
import { Connection, type ReadOptions } from './connection.js';
import { CallFailure } from './failure.js';
import { pauseBetween, type Persistence } from './persist.js';
import type { Terms } from './terms.js';

/** One connection at a time, and another when it is lost: the same client is never trusted again after a failure. */
export class Connections {
  private readonly end = new AbortController();
  private readonly clock: ClockCheck;
  private current: Promise<Connection> | undefined;
  private made = 0;
  private failures = 0;
  private lost: string | undefined;

  constructor(private readonly terms: Terms) {
    this.clock = new ClockCheck(terms);
  }

  /** What is wrong with the connection, in plain words; undefined while it answers. */
  get problem(): string | undefined {
    return this.lost;
  }

  get clockProblem(): string | undefined {
    return this.clock.problem;
  }

  persistence(limitMs: number): Persistence {
    return { limitMs, random: this.terms.random, ended: this.end.signal };
  }

  /** Rejects with a `CallFailure`, or `StoreUnavailable` after the end. */
  async append(request: AppendRequest): Promise<AppendAnswer> {
    return (await this.connection()).append(request);
  }

  /** As `append`; resolves when everything wanted was taken or the signal has aborted. */
  async read(request: Buffer, options: ReadOptions): Promise<void> {
    return (await this.connection()).read(request, options);
  }

  /** How far in the ledger the server that is asked next has shown to be. */
  async shown(): Promise<number> {
    return (await this.connection()).shown;
  }

  close(): void {
    this.end.abort();
    const closed = new CallFailure('connection', CLOSED);
    void this.current?.then(
      (connection) => connection.giveUp(closed),
      () => undefined,
    );
  }

  private connection(): Promise<Connection> {
    this.current ??= this.connect();
    return this.current;
  }

  private async connect(): Promise<Connection> {
    if (this.failures > 0) await pauseBetween(this.failures, this.terms.random, this.end.signal);
    if (this.end.signal.aborted) throw new StoreUnavailable(CLOSED);
    try {
      return this.make();
    } catch (error) {
      // The string was read before; a file that it names may be gone for a while.
      const failure = new CallFailure('connection', error instanceof RangeError ? error.message : undefined);
      this.lose(failure);
      throw failure;
    }
  }

  private make(): Connection {
    const { url, timeouts } = this.terms;
    this.made += 1;
    return new Connection(url, this.made, timeouts.silenceMs, {
      heard: () => this.heard(),
      clock: (serverMs) => this.clock.compare(serverMs),
      lost: (failure) => this.lose(failure),
    });
  }

  private heard(): void {
    this.failures = 0;
    if (this.lost === undefined) return;
    this.lost = undefined;
    this.terms.onReport({ kind: 'connected' });
  }

  private lose({ message }: CallFailure): void {
    this.current = undefined;
    this.failures += 1;
    if (this.end.signal.aborted || this.lost === message) return;
    this.lost = message;
    this.terms.onReport({ kind: 'connection lost', problem: message });
  }
}

export const CLOSED = 'the ledger is closed';
