import { setTimeout as pause } from 'node:timers/promises';
import { checkAppend } from '../append-rules.js';
import { deliveriesOf } from '../deliveries.js';
import {
  StoreUnavailable,
  type AllPage,
  type AppendOptions,
  type Appended,
  type Delivery,
  type ExpectedRevision,
  type NewEvent,
  type Position,
  type ReadAllOptions,
  type ReadStreamOptions,
  type StoredEvent,
  type SubscribeOptions,
} from '../port.js';
import type { Ledger, LedgerStatus } from '../status.js';
import { Wake } from '../wake.js';
import { Appender } from './appender.js';
import { Bell } from './bell.js';
import { checkConnectionString } from './client.js';
import { CLOSED, Connections } from './connections.js';
import { Horizon } from './horizon.js';
import { openIdentity } from './identity.js';
import { Reader } from './reader.js';
import { termsOf, type EventStoreDbOptions, type Terms } from './terms.js';

export type EventStoreDb = Ledger;

const READ_ONLY = 'the ledger is open for reading only';

/** See `openEventStoreDb`. */
export async function openStore(options: EventStoreDbOptions): Promise<EventStoreDb> {
  const terms = termsOf(options);
  checkConnectionString(terms.url);
  const connections = new Connections(terms);
  try {
    const ledgerId = await openIdentity(connections, terms);
    const store = new EventStoreDbStore(connections, terms, ledgerId);
    await store.head();
    return store;
  } catch (error) {
    connections.close();
    throw error;
  }
}

class EventStoreDbStore implements EventStoreDb {
  /** A server remembers ids for a while only, where no revision is expected. */
  readonly tellsRepeats = false;
  private readonly closing = new AbortController();
  private readonly horizon = new Horizon(new Wake());
  private readonly reader: Reader;
  private readonly appender: Appender;
  private readonly bell: Bell;
  private closed: Promise<void> | undefined;

  constructor(
    private readonly connections: Connections,
    private readonly terms: Terms,
    readonly ledgerId: string,
  ) {
    this.reader = new Reader(connections, this.horizon, terms, ledgerId);
    this.appender = new Appender(connections, this.reader, this.horizon, terms);
    this.bell = new Bell(connections, this.reader, this.horizon, terms, this.closing.signal);
  }

  get isOurs(): boolean {
    return this.terms.alone && !this.terms.readOnly && !this.appender.isInDoubt;
  }

  async append(
    stream: string,
    events: readonly NewEvent[],
    expected: ExpectedRevision,
    { lane = 'normal', repeats }: AppendOptions = {},
  ): Promise<Appended> {
    checkAppend({ stream, events, expected }, this.terms.maxAppendBytes);
    this.refuseIfClosed();
    if (this.terms.readOnly) throw new StoreUnavailable(READ_ONLY);
    return this.appender.append({ stream, events, expected, keepsRepeats: repeats === 'kept' }, lane);
  }

  /** The server's own streams are no part of the ledger. */
  async readStream(stream: string, options: ReadStreamOptions): Promise<readonly StoredEvent[]> {
    this.refuseIfClosed();
    return stream === '' || stream.startsWith('$') ? [] : this.reader.readStream(stream, options);
  }

  async readAll(options: ReadAllOptions): Promise<AllPage> {
    this.refuseIfClosed();
    return this.reader.readAll(options);
  }

  async *subscribe(options: SubscribeOptions): AsyncGenerator<Delivery, void> {
    const { wake } = this.horizon;
    const source = {
      start: this.reader.position(0),
      wake,
      closing: this.closing.signal,
      readAll: (wanted: ReadAllOptions) => this.reader.readAll(wanted),
    };
    if (!this.closing.signal.aborted) this.bell.start();
    try {
      yield* deliveriesOf(source, options);
    } catch (error) {
      if (!this.closing.signal.aborted) throw error;
    }
  }

  async head(): Promise<Position> {
    this.refuseIfClosed();
    return this.reader.head();
  }

  /** `reserve` is the embedded ledger's; a cluster looks after its disks itself. */
  status(): LedgerStatus {
    const broken = this.closing.signal.aborted ? CLOSED : (this.connections.problem ?? this.appender.problem);
    const problem = broken ?? (this.terms.readOnly ? READ_ONLY : this.connections.clockProblem);
    const { queued } = this.appender;
    return {
      writable: broken === undefined && !this.terms.readOnly,
      reserve: 'kept',
      queued,
      ...(problem === undefined ? {} : { problem }),
    };
  }

  close(): Promise<void> {
    this.closed ??= this.closeOnce();
    return this.closed;
  }

  /** Whoever waits for an append of a silent server would otherwise hold up the end for as long as that is tried. */
  private async closeOnce(): Promise<void> {
    this.closing.abort();
    await within(this.terms.timeouts.closeMs, this.appender.settled());
    this.connections.close();
    await this.bell.stopped();
  }

  private refuseIfClosed(): void {
    if (this.closing.signal.aborted) throw new StoreUnavailable(CLOSED);
  }
}

/** Resolves with the work, or before it when the time is over. */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  const worked = new AbortController();
  await Promise.race([work, pause(ms, undefined, { signal: worked.signal }).catch(() => undefined)]);
  worked.abort();
}
