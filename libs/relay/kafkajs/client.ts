import type { ConnectionOptions } from 'node:tls';
import { Kafka, logLevel, type LogEntry, type SASLOptions } from 'kafkajs';
import type { Connections } from './connections.js';

export interface KafkaOptions {
  /** Each `host:port`. */
  readonly brokers: readonly string[];
  /** How many partitions each topic has that is written to. */
  readonly partitions: Readonly<Record<string, number>>;
  /** Set where the brokers are spoken to over TLS. */
  readonly tls?: ConnectionOptions | undefined;
  readonly sasl?: SaslOptions | undefined;
  /** By which brokers know this process in their logs and quotas; also the beginning of the names of its groups. */
  readonly clientId?: string;
  /** Is told what kafkajs complains of, each complaint at most once a minute. It may name brokers, never people. */
  readonly report?: (line: string) => void;
}

export type SaslOptions = Extract<SASLOptions, { username: string }>;

/** What Kafka must answer within, milliseconds: so late is silent packet loss noticed. */
export const REQUEST_TIMEOUT_MS = 3000;
const CONNECTION_TIMEOUT_MS = 1000;

/**
 * Always explicit, since kafkajs has other defaults under `NODE_ENV=test`; and few, since what is to go on without end
 * is repeated outside of kafkajs, where it can be stopped.
 */
export const RETRY = { initialRetryTime: 50, maxRetryTime: 500, factor: 0.2, multiplier: 2, retries: 3 };

const COMPLAINT_EVERY_MS = 60_000;
const COMPLAINTS_MAX = 1000;

export const CLIENT_ID = 'consent-ledger';

/** Makes the kafkajs objects of one process, each over sockets of its own. */
export class Client {
  private readonly complaints = new Map<string, number>();

  constructor(readonly options: KafkaOptions) {}

  get id(): string {
    return this.options.clientId ?? CLIENT_ID;
  }

  kafka(connections: Connections): Kafka {
    const { brokers, tls, sasl } = this.options;
    return new Kafka({
      brokers: [...brokers],
      clientId: this.id,
      ...(tls ? { ssl: tls } : {}),
      ...(sasl ? { sasl } : {}),
      connectionTimeout: CONNECTION_TIMEOUT_MS,
      authenticationTimeout: REQUEST_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      retry: RETRY,
      socketFactory: connections.open,
      logLevel: logLevel.ERROR,
      logCreator: () => (entry) => {
        if (!connections.isShut) this.complain(entry);
      },
    });
  }

  /** Says it at most once a minute: while a broker is away, kafkajs says the same many times a second. */
  complain({ namespace, log }: Pick<LogEntry, 'namespace' | 'log'>): void {
    const line = `${namespace}: ${log.message}`;
    const now = performance.now();
    if (now - (this.complaints.get(line) ?? -Infinity) < COMPLAINT_EVERY_MS) return;
    if (this.complaints.size >= COMPLAINTS_MAX) this.complaints.clear();
    this.complaints.set(line, now);
    this.options.report?.(line);
  }
}
