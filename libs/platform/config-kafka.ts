import { X509Certificate } from 'node:crypto';
import { causeOf, readPem } from './config-tls.js';
import type { SASL_MECHANISMS } from './config-values.js';
import type { Values, VariableName } from './config-variables.js';

/** How the relay reaches Kafka, and its limits. */
export interface KafkaConfig {
  /** Each `host:port`. */
  readonly brokers: readonly string[];
  /** Set where the brokers are spoken to over TLS; `ca` is PEM text. */
  readonly tls?: { readonly ca?: string };
  readonly sasl?: {
    readonly mechanism: (typeof SASL_MECHANISMS)[number];
    readonly username: string;
    readonly password: string;
  };
  readonly createTopics: boolean;
  /** Of topics that the relay makes; undefined: the broker's own default. */
  readonly replicationFactor?: number;
  readonly minInsyncReplicas?: number;
  readonly relay: {
    readonly batchEvents: number;
    readonly batchBytes: number;
    readonly dirtyMax: number;
    readonly leaseMs: number;
    readonly lagWarnMs: number;
  };
}

/** Undefined where there is no relay, or something is wrong with what was set for it. */
export function readKafka(
  values: Values,
  names: readonly VariableName[],
  readFile: (path: string) => string,
  faults: string[],
): KafkaConfig | undefined {
  const { KAFKA_BROKERS: brokers, KAFKA_REPLICATION_FACTOR: replicas, KAFKA_MIN_ISR: minIsr } = values;
  const sasl = readSasl(values, faults);
  const tls = readTls(values, readFile, faults);
  if (replicas !== undefined && minIsr !== undefined && minIsr > replicas) {
    faults.push('KAFKA_MIN_ISR is above KAFKA_REPLICATION_FACTOR: no record could ever be stored');
  }
  if (brokers === undefined) {
    if (!names.includes('KAFKA_BROKERS')) faults.push(...withoutBrokers(names));
    return undefined;
  }
  return {
    brokers,
    ...(tls ? { tls } : {}),
    ...(sasl ? { sasl } : {}),
    createTopics: values.KAFKA_CREATE_TOPICS,
    ...(replicas === undefined ? {} : { replicationFactor: replicas }),
    ...(minIsr === undefined ? {} : { minInsyncReplicas: minIsr }),
    relay: relayOf(values),
  };
}

const KIB = 1024;

function relayOf(values: Values): KafkaConfig['relay'] {
  return {
    batchEvents: values.RELAY_BATCH_EVENTS,
    batchBytes: values.RELAY_BATCH_KB * KIB,
    dirtyMax: values.RELAY_DIRTY_MAX,
    leaseMs: values.RELAY_LEASE_MS,
    lagWarnMs: values.RELAY_LAG_WARN_MS,
  };
}

/** Whoever sets up how to reach Kafka means to publish: without brokers nothing would be, and nobody would notice. */
function withoutBrokers(names: readonly VariableName[]): string[] {
  return names
    .filter((name) => name.startsWith('KAFKA_'))
    .map((name) => `${name} is of no use without KAFKA_BROKERS: set that too, or unset ${name}`);
}

function readSasl(values: Values, faults: string[]): KafkaConfig['sasl'] {
  const { KAFKA_SASL_MECHANISM: mechanism, KAFKA_SASL_USERNAME: username, KAFKA_SASL_PASSWORD: password } = values;
  if (mechanism !== undefined && username !== undefined && password !== undefined) {
    return { mechanism, username, password };
  }
  const parts = Object.entries({
    KAFKA_SASL_MECHANISM: mechanism,
    KAFKA_SASL_USERNAME: username,
    KAFKA_SASL_PASSWORD: password,
  });
  const missing = parts.filter(([, value]) => value === undefined).map(([name]) => name);
  if (missing.length < parts.length) {
    faults.push(
      `${missing.join(' and ')} must be set as well: mechanism, user and password of KAFKA_SASL belong together`,
    );
  }
  return undefined;
}

function readTls(values: Values, readFile: (path: string) => string, faults: string[]): KafkaConfig['tls'] {
  const { KAFKA_TLS, KAFKA_TLS_CA } = values;
  if (KAFKA_TLS_CA === undefined) return KAFKA_TLS ? {} : undefined;
  if (!KAFKA_TLS) faults.push('KAFKA_TLS_CA is of no use without TLS: set KAFKA_TLS to true, or unset KAFKA_TLS_CA');
  const ca = readPem('KAFKA_TLS_CA', KAFKA_TLS_CA, readFile, faults);
  return ca !== undefined && isCertificate(ca, faults) ? { ca } : undefined;
}

function isCertificate(pem: string, faults: string[]): boolean {
  try {
    // Reading it is the check.
    void new X509Certificate(pem);
    return true;
  } catch (error) {
    faults.push(`KAFKA_TLS_CA is not a PEM certificate (${causeOf(error)})`);
    return false;
  }
}

/** What is allowed but worth a line in the log at start. */
export function warningsOfKafka({ KAFKA_BROKERS, KAFKA_TLS, KAFKA_SASL_MECHANISM }: Values): string[] {
  if (KAFKA_BROKERS === undefined || KAFKA_TLS) return [];
  if (KAFKA_SASL_MECHANISM === 'plain') {
    return ['KAFKA_SASL_MECHANISM is plain and KAFKA_TLS is off: the password travels to the brokers in the clear'];
  }
  return KAFKA_SASL_MECHANISM === undefined
    ? []
    : [
        'KAFKA_SASL_MECHANISM is set and KAFKA_TLS is off: the brokers know the relay, but anybody in between reads along',
      ];
}
