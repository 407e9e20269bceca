import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { readKafka, warningsOfKafka, type KafkaConfig } from './config-kafka.js';
import { type Environment, FILE_SUFFIX, misspeltNames } from './config-names.js';
import { databaseOf, eventStoreOf, unsafeServers, warningsOfServers } from './config-servers.js';
import type { DatabaseConfig, EventStoreConfig } from './config-servers.js';
import { causeOf, readTls, type Tls } from './config-tls.js';
import type { Parse, Role } from './config-values.js';
import { type LOG_LEVELS, type Values, VARIABLES, type VariableName } from './config-variables.js';

/** The configuration in the shape in which it is used. Frozen; read once at start. */
export interface Config {
  readonly http: { readonly host: string; readonly port: number };
  readonly grpc: { readonly port: number };
  readonly metrics: { readonly host: string; readonly port: number };
  /** PEM texts, checked to belong together. */
  readonly tls?: Tls;
  readonly publicUrl?: string;
  readonly dataDir: string;
  /** Set where the ledger is EventStoreDB. */
  readonly eventStore?: EventStoreConfig;
  /** Set where vault and view are in PostgreSQL. */
  readonly database?: DatabaseConfig;
  /** The parts that this process runs. */
  readonly roles: readonly Role[];
  /** Set where there is a relay. */
  readonly kafka?: KafkaConfig;
  /** Set where the embedded ledger is served over EventStoreDB's protocol. */
  readonly esdbPort?: number;
  readonly secrets: {
    readonly adminKey?: string;
    /** 32 bytes in standard base64, as is the key-encryption key. */
    readonly pepper?: string;
    readonly keyEncryptionKey?: string;
  };
  readonly whatsapp: { readonly appSecret?: string; readonly verifyToken?: string };
  readonly limits: Limits;
  readonly view: {
    readonly maxLagMs: number;
    readonly waitForPositionMs: number;
    readonly probeIntervalMs: number;
    readonly cacheEntries: number;
    readonly cacheBytes: number;
  };
  readonly feed: {
    readonly watchersMax: number;
    readonly bufferEvents: number;
    readonly historyReaders: number;
    readonly stallMs: number;
  };
  readonly filter: { readonly streamsMax: number; readonly lineBytes: number; readonly idleMs: number };
  readonly logLevel: (typeof LOG_LEVELS)[number];
  /** What is allowed but worth a line in the log at start. */
  readonly warnings: readonly string[];
}

export interface Limits {
  readonly bodyBytes: number;
  readonly webhookBytes: number;
  readonly jsonDepth: number;
  readonly batchMax: number;
  readonly timelinePageMax: number;
  readonly connectionsMax: number;
  readonly inFlightMax: number;
  readonly deliveriesInFlightMax: number;
  readonly overlayMax: number;
  readonly requestTimeoutMs: number;
  readonly appendQueueMax: number;
  readonly appendBytes: number;
  readonly appendRetries: number;
  readonly diskReserveMb: number;
  readonly dataKeyCacheEntries: number;
  readonly apiKeyCacheEntries: number;
  readonly unroutedRetentionDays: number;
  readonly shutdownTimeoutMs: number;
}

/** Everything that is wrong with the configuration, each with its name and remedy, none with a value. */
export class ConfigError extends Error {
  constructor(readonly faults: readonly string[]) {
    super(['The configuration is not right:', ...faults.map((fault) => `  - ${fault}`)].join('\n'));
    this.name = 'ConfigError';
  }
}

/** Throws one `ConfigError` that names all that is wrong. An empty variable counts as not set. */
export function readConfig(env: Environment, readFile: (path: string) => string = readText): Config {
  const faults: string[] = misspeltNames(env);
  const texts = textsOf(env, readFile, faults);
  const values = parseAll(texts, faults);
  const tls = readTls(values, readFile, faults);
  const kafka = readKafka(values, [...texts.keys()], readFile, faults);
  faults.push(...unsafeCombinations(values));
  if (faults.length > 0) throw new ConfigError(faults);
  return deepFreeze({ ...shape(values), ...given({ tls, kafka }), warnings: warningsOf(values) });
}

/**
 * Some of the values, for a tool that is no service: what is wrong with the others, lacking or not to be combined is not
 * its matter, also where it runs in a service's own environment. Throws as `readConfig` does.
 */
export function readValues<N extends VariableName>(env: Environment, names: readonly N[]): Pick<Values, N> {
  const faults: string[] = misspeltNames(env);
  const values = parseAll(textsOf(env, readText, faults, names), faults);
  if (faults.length > 0) throw new ConfigError(faults);
  return values;
}

function readText(path: string): string {
  return readFileSync(path, 'utf8');
}

type Texts = ReadonlyMap<VariableName, string>;

function textsOf(
  env: Environment,
  readFile: (path: string) => string,
  faults: string[],
  names = Object.keys(VARIABLES) as readonly VariableName[],
): Texts {
  const texts = new Map<VariableName, string>();
  for (const name of names) {
    const text = textOf(name, env, readFile, faults);
    if (text !== undefined) texts.set(name, text);
  }
  return texts;
}

function textOf(name: VariableName, env: Environment, readFile: (path: string) => string, faults: string[]) {
  const direct = env[name] || undefined;
  const path = env[name + FILE_SUFFIX] || undefined;
  if (path === undefined) return direct;
  if (direct !== undefined) {
    faults.push(`${name} and ${name}${FILE_SUFFIX} are both set: unset one of them`);
    return undefined;
  }
  try {
    const text = readFile(path).trim();
    if (text !== '') return text;
    // A secret that did not get into its file is not one that nobody wanted to set.
    faults.push(`${name}${FILE_SUFFIX} names a file that is empty: write the value into it, or unset the name`);
  } catch (error) {
    faults.push(
      `${name}${FILE_SUFFIX} names a file that cannot be read (${causeOf(error)}): mend its path or its mode`,
    );
  }
  return undefined;
}

function parseAll(texts: Texts, faults: string[]): Values {
  const read = (name: VariableName): unknown => {
    const { parse, fallback }: { parse: Parse<unknown>; fallback: unknown } = VARIABLES[name];
    const text = texts.get(name);
    const result = text === undefined ? { value: fallback } : parse(text);
    if ('value' in result) return result.value;
    faults.push(`${name} ${result.remedy}`);
    return fallback;
  };
  const names = Object.keys(VARIABLES) as VariableName[];
  return Object.fromEntries(names.map((name) => [name, read(name)])) as unknown as Values;
}

function shape(values: Values): Omit<Config, 'tls' | 'kafka' | 'warnings'> {
  return {
    http: { host: values.HOST, port: values.PORT },
    grpc: { port: values.GRPC_PORT },
    metrics: { host: values.METRICS_HOST, port: values.METRICS_PORT },
    ...given({ publicUrl: values.PUBLIC_URL }),
    dataDir: values.DATA_DIR,
    roles: values.ROLES,
    ...given({ eventStore: eventStoreOf(values), database: databaseOf(values), esdbPort: values.ESDB_PORT }),
    secrets: given({
      adminKey: values.ADMIN_KEY,
      pepper: values.PEPPER,
      keyEncryptionKey: values.KEY_ENCRYPTION_KEY,
    }),
    whatsapp: given({ appSecret: values.WHATSAPP_APP_SECRET, verifyToken: values.WHATSAPP_VERIFY_TOKEN }),
    limits: limitsOf(values),
    view: {
      maxLagMs: values.VIEW_MAX_LAG_MS,
      waitForPositionMs: values.WAIT_FOR_POSITION_MS,
      probeIntervalMs: values.VIEW_PROBE_INTERVAL_MS,
      cacheEntries: values.VIEW_CACHE_ENTRIES,
      cacheBytes: values.VIEW_CACHE_MB * 1024 * 1024,
    },
    ...streamsOf(values),
    logLevel: values.LOG_LEVEL,
  };
}

const KIB = 1024;

function limitsOf(values: Values): Limits {
  return {
    bodyBytes: values.BODY_LIMIT_KB * KIB,
    webhookBytes: values.WEBHOOK_LIMIT_KB * KIB,
    jsonDepth: values.JSON_DEPTH_MAX,
    batchMax: values.BATCH_MAX,
    timelinePageMax: values.TIMELINE_PAGE_MAX,
    connectionsMax: values.CONNECTIONS_MAX,
    inFlightMax: values.IN_FLIGHT_MAX,
    deliveriesInFlightMax: values.DELIVERIES_IN_FLIGHT_MAX,
    overlayMax: values.OVERLAY_MAX,
    requestTimeoutMs: values.REQUEST_TIMEOUT_MS,
    appendQueueMax: values.APPEND_QUEUE_MAX,
    appendBytes: values.APPEND_LIMIT_KB * KIB,
    appendRetries: values.APPEND_RETRIES,
    diskReserveMb: values.DISK_RESERVE_MB,
    dataKeyCacheEntries: values.DATA_KEY_CACHE_ENTRIES,
    apiKeyCacheEntries: values.API_KEY_CACHE_ENTRIES,
    unroutedRetentionDays: values.UNROUTED_RETENTION_DAYS,
    shutdownTimeoutMs: values.SHUTDOWN_TIMEOUT_MS,
  };
}

function streamsOf(values: Values): Pick<Config, 'feed' | 'filter'> {
  return {
    feed: {
      watchersMax: values.FEED_WATCHERS_MAX,
      bufferEvents: values.FEED_BUFFER_EVENTS,
      historyReaders: values.FEED_HISTORY_READERS,
      stallMs: values.FEED_STALL_MS,
    },
    filter: {
      streamsMax: values.FILTER_STREAMS_MAX,
      lineBytes: values.FILTER_LINE_KB * KIB,
      idleMs: values.FILTER_IDLE_MS,
    },
  };
}

function unsafeCombinations(values: Values): string[] {
  const { PORT, METRICS_PORT, GRPC_PORT, ESDB_PORT, VIEW_MAX_LAG_MS, VIEW_PROBE_INTERVAL_MS } = values;
  const checks: [boolean, string][] = [
    ...unsafeServers(values),
    [PORT === METRICS_PORT && PORT !== 0, 'PORT and METRICS_PORT are the same: give each its own'],
    [
      GRPC_PORT !== 0 && [PORT, METRICS_PORT, ESDB_PORT].includes(GRPC_PORT),
      'GRPC_PORT is the same as PORT, METRICS_PORT or ESDB_PORT: give it its own',
    ],
    [
      ESDB_PORT !== undefined && ESDB_PORT !== 0 && (ESDB_PORT === PORT || ESDB_PORT === METRICS_PORT),
      'ESDB_PORT is the same as PORT or METRICS_PORT: give it its own',
    ],
    [
      VIEW_PROBE_INTERVAL_MS >= VIEW_MAX_LAG_MS,
      'VIEW_PROBE_INTERVAL_MS is not below VIEW_MAX_LAG_MS: the view would be too old between two probes, and every answer no',
    ],
  ];
  return saidBy(checks);
}

type Given<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

/** Leaves out what is not set, so that an absent key means absent. */
function given<T extends Record<string, unknown>>(values: T): Given<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Given<T>;
}

function warningsOf(values: Values): string[] {
  const { HOST, METRICS_HOST, TLS_CERT, EVENTSTORE_URL, WHATSAPP_APP_SECRET, WHATSAPP_VERIFY_TOKEN } = values;
  const checks: [boolean, string][] = [
    ...warningsOfServers(values),
    [
      !isLoopback(HOST) && TLS_CERT === undefined,
      'HOST is not loopback and there is no TLS: keys and phone numbers travel in the clear unless a proxy in front ends TLS',
    ],
    [
      !isLoopback(METRICS_HOST),
      'METRICS_HOST is not loopback: anybody who reaches it reads the metrics and the heap summary',
    ],
    [
      EVENTSTORE_URL !== undefined && /[?&]tls=false/i.test(EVENTSTORE_URL),
      'EVENTSTORE_URL turns TLS off: the ledger travels in the clear, and the server is sent no password',
    ],
    [
      WHATSAPP_APP_SECRET === undefined && WHATSAPP_VERIFY_TOKEN !== undefined,
      'WHATSAPP_VERIFY_TOKEN is set without WHATSAPP_APP_SECRET: the WhatsApp route answers 503',
    ],
  ];
  return [...saidBy(checks), ...warningsOfKafka(values)];
}

function saidBy(checks: readonly (readonly [boolean, string])[]): string[] {
  return checks.flatMap(([applies, said]) => (applies ? [said] : []));
}

/** True for addresses that only this machine can reach. A name other than `localhost` is not trusted to be one. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host === '::1') return true;
  return isIP(host) === 4 && host.startsWith('127.');
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(deepFreeze);
  return value;
}
