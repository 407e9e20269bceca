import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { RequestHistogram } from './request-histogram.js';

const DURABLE_SECONDS = [0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1];

/** Read when metrics are scraped, so that they cost nothing between two scrapes. */
export interface Gauges {
  /** Appends that wait for the disk. */
  readonly queued?: () => { readonly normal: number; readonly revocation: number };
  /** Undefined while the view has not proved how far it is. */
  readonly viewLagMs?: () => number | undefined;
}

/** What the relay tells of itself when metrics are scraped. */
export interface RelayReading {
  readonly leader: boolean;
  readonly parked: number;
  readonly healed: number;
  readonly lanes: readonly {
    readonly name: string;
    readonly lagMs: number;
    readonly lagEvents?: number;
    readonly retries: number;
  }[];
}

/** What the live feed tells of itself when metrics are scraped. */
export interface FeedReading {
  readonly watchers: number;
  readonly readingHistory: number;
  readonly told: number;
  readonly cutOff: number;
}

/** What a server tells of its connections when metrics are scraped. */
export interface ConnectionsReading {
  readonly open: number;
  readonly refused: number;
}

/** The metrics of a service, with those of its process (CPU, memory, event loop, garbage collection). */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return new Metrics(registry);
}

/**
 * What the service counts. Labels are words of closed lists, route patterns and key ids: nothing that names a person,
 * and nothing a caller can make up.
 */
export class Metrics {
  private readonly requests = new RequestHistogram(
    'consent_http_request_duration_seconds',
    'Time from the request to the end of its answer.',
    (method, route, status) => ({ method, route, status: String(status) }),
  );
  private readonly calls = new RequestHistogram(
    'consent_grpc_call_duration_seconds',
    'Time from the call to its status.',
    (_method, path, code) => ({ method: path, code: String(code) }),
  );
  private readonly appendSeconds: Histogram<'lane'>;
  private readonly publishSeconds: Histogram<'lane'>;
  private readonly decisionsTotal = this.counter('consent_decisions_total', 'Answers to checks.', ['reason']);
  private readonly commandsTotal = this.counter(
    'consent_commands_total',
    'Events about people that commands have recorded, or found recorded.',
    ['type', 'outcome'],
  );
  private readonly factsTotal = this.counter('consent_webhook_facts_total', 'What deliveries held.', [
    'provider',
    'kind',
  ]);
  private readonly unroutedTotal = this.counter('consent_unrouted_total', 'Parts of deliveries kept.', [
    'provider',
    'reason',
  ]);
  private readonly droppedTotal = this.counter(
    'consent_unrouted_dropped_total',
    'Kept parts dropped after their time.',
    [],
  );
  private readonly lenientTotal = this.counter(
    'consent_lenient_warnings_total',
    'Revocation fields that were widened.',
    ['key_id', 'field'],
  );
  private readonly publishedTotal = this.counter('consent_relay_records_total', 'Records stored by Kafka.', ['lane']);
  private readonly unreadableTotal = this.counter('consent_unreadable_events_total', 'Events that cannot be read.', []);
  /** Added up here, since a check is answered too often for a look-up of labels each time. */
  private readonly decisions = new Map<string, number>();

  constructor(private readonly registry = new Registry()) {
    this.appendSeconds = this.perLane('consent_append_duration_seconds', 'Time from the append to its being durable.');
    this.publishSeconds = this.perLane(
      'consent_relay_publish_duration_seconds',
      'Time from the sending of a batch to its being stored by Kafka.',
    );
  }

  /** `route` is the pattern of the route, never the URL; `none` where no route matched. */
  httpRequest(method: string, route: string, status: number, seconds: number): void {
    this.requests.observe(method, route, status, seconds);
  }

  /** `path` is that of a method of the contract; `none` where the call was for none of them. */
  grpcCall(path: string, code: number, seconds: number): void {
    this.calls.observe('', path, code, seconds);
  }

  decided(reason: string, count = 1): void {
    this.decisions.set(reason, (this.decisions.get(reason) ?? 0) + count);
  }

  /** `type` is that of the event. A command that was refused has none, and is counted as a request alone. */
  command(type: string, outcome: 'recorded' | 'replayed'): void {
    this.commandsTotal.inc({ type, outcome });
  }

  webhookFacts(provider: string, kind: string, count = 1): void {
    this.factsTotal.inc({ provider, kind }, count);
  }

  unrouted(provider: string, reason: string): void {
    this.unroutedTotal.inc({ provider, reason });
  }

  unroutedDropped(count: number): void {
    this.droppedTotal.inc(count);
  }

  /** A revocation whose field could not be understood: whoever holds that key is to be told. */
  lenientWarning(keyId: string, field: string): void {
    this.lenientTotal.inc({ key_id: keyId, field });
  }

  unreadable(): void {
    this.unreadableTotal.inc();
  }

  appended(lane: 'revocation' | 'normal', seconds: number): void {
    this.appendSeconds.observe({ lane }, seconds);
  }

  /** Says where the gauges are read. Call once, at start. */
  watch({ queued, viewLagMs }: Gauges): void {
    if (queued) this.watchQueue(queued);
    if (viewLagMs) {
      const help = 'Proved lag of the view; +Inf while unproved.';
      this.gauge('consent_view_lag_seconds', help, [], (gauge) => gauge.set((viewLagMs() ?? Infinity) / 1000));
    }
  }

  /** A batch of the relay is stored: `records` of one lane, so many seconds after it was sent. */
  published(lane: string, seconds: number, records: number): void {
    this.publishSeconds.observe({ lane }, seconds);
    this.publishedTotal.inc({ lane }, records);
  }

  /** Says where the relay's gauges are read. Call once, at start, where there is a relay. */
  watchRelay(read: () => RelayReading): void {
    const eachLane = (name: string, help: string, of: (lane: RelayReading['lanes'][number]) => number | undefined) =>
      this.gauge(name, help, ['lane'], (gauge) => {
        gauge.reset();
        for (const lane of read().lanes) {
          const value = of(lane);
          if (value !== undefined) gauge.set({ lane: lane.name }, value);
        }
      });
    eachLane('consent_relay_lag_seconds', 'Age of the oldest event not published.', ({ lagMs }) => lagMs / 1_000);
    eachLane('consent_relay_lag_events', 'Events not published.', ({ lagEvents }) => lagEvents);
    eachLane('consent_relay_retries', 'Times that a batch was sent again.', ({ retries }) => retries);
    const whole = (name: string, help: string, of: (reading: RelayReading) => number) =>
      this.gauge(name, help, [], (gauge) => gauge.set(of(read())));
    whole('consent_relay_leader', '1 where this process publishes.', ({ leader }) => (leader ? 1 : 0));
    whole('consent_relay_parked', 'Events that could not be published as they are.', ({ parked }) => parked);
    whole(
      'consent_relay_healed',
      'States and registers published again after a foreign record.',
      ({ healed }) => healed,
    );
  }

  /** Says where the gauges of the live feed are read. Call once, at start. */
  watchFeed(read: () => FeedReading): void {
    const whole = (name: string, help: string, of: (reading: FeedReading) => number) =>
      this.gauge(name, help, [], (gauge) => gauge.set(of(read())));
    whole('consent_feed_watchers', 'Watchers of changes.', ({ watchers }) => watchers);
    whole('consent_feed_history_watchers', 'Of these, who read what is older.', ({ readingHistory }) => readingHistory);
    whole('consent_feed_told', 'Changes told to watchers since the start.', ({ told }) => told);
    whole('consent_feed_cut_off', 'Watchers that were cut off since the start.', ({ cutOff }) => cutOff);
  }

  /** Says where the connections are counted, by what is spoken over them. Call once, at start. */
  watchConnections(doors: Readonly<Record<'http' | 'grpc', ConnectionsReading>>): void {
    const each = (name: string, help: string, of: (reading: ConnectionsReading) => number) =>
      this.gauge(name, help, ['door'], (gauge) => {
        for (const [door, reading] of Object.entries(doors)) gauge.set({ door }, of(reading));
      });
    each('consent_connections', 'Connections that are open.', ({ open }) => open);
    each('consent_connections_refused', 'Connections closed at once since the start.', ({ refused }) => refused);
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  /** The text that Prometheus scrapes. */
  async render(): Promise<string> {
    for (const [reason, count] of this.decisions) this.decisionsTotal.inc({ reason }, count);
    this.decisions.clear();
    return `${await this.registry.metrics()}\n${this.requests.render()}${this.calls.render()}`;
  }

  private watchQueue(queued: NonNullable<Gauges['queued']>): void {
    this.gauge('consent_append_queue_length', 'Appends that wait for the disk.', ['lane'], (gauge) => {
      for (const [lane, length] of Object.entries(queued())) gauge.set({ lane }, length);
    });
  }

  private perLane(name: string, help: string): Histogram<'lane'> {
    return new Histogram({ name, help, labelNames: ['lane'], buckets: DURABLE_SECONDS, registers: [this.registry] });
  }

  private counter<L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  private gauge(name: string, help: string, labelNames: string[], read: (gauge: Gauge) => void): void {
    const gauge: Gauge = new Gauge({ name, help, labelNames, registers: [this.registry], collect: () => read(gauge) });
  }
}
