import {
  ALL_ROLES,
  HIGHEST_PORT,
  SASL_MECHANISMS,
  listOf,
  oneOf,
  oneOfWords,
  optional,
  optionalPort,
  optionalText,
  parseBrokers,
  parseDirectory,
  parseEventStoreUrl,
  parseHost,
  parseKey,
  parseOrigin,
  parsePostgresUrl,
  parseRoles,
  parseSchemaName,
  parseSecretToken,
  parseWhole,
  wholeNumber,
  words,
  yesOrNo,
} from './config-values.js';

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

const HOUR_MS = 3_600_000;

const port = (fallback: number, what: string) =>
  wholeNumber({ fallback, from: 0, to: HIGHEST_PORT, unit: '' }, `${what} 0 takes any free port.`);
const count = (fallback: number, to: number, what: string) =>
  wholeNumber({ fallback, from: 1, to, unit: 'count' }, what);
const kib = (fallback: number, to: number, what: string) => wholeNumber({ fallback, from: 1, to, unit: 'KiB' }, what);
const ms = (fallback: number, from: number, to: number, what: string) =>
  wholeNumber({ fallback, from, to, unit: 'ms' }, what);

/**
 * Every variable that the service knows: this table parses them, finds misspelt ones and writes `docs/configuration.md`.
 */
export const VARIABLES = {
  HOST: words('127.0.0.1', 'Address that HTTP listens on.', parseHost),
  PORT: port(3000, 'Port of HTTP.'),
  GRPC_PORT: port(50_051, 'Port of gRPC, at the address of HTTP.'),
  METRICS_HOST: words('127.0.0.1', 'Address that metrics and heap summary listen on.', parseHost),
  METRICS_PORT: port(9464, 'Port of metrics.'),
  PUBLIC_URL: optionalText('How the world reaches the service; the API document names it as its server.', parseOrigin),
  TLS_CERT: optionalText(
    'Certificate chain for HTTP, gRPC and `ESDB_PORT`: PEM text, or the path of a PEM file. Needs `TLS_KEY`.',
  ),
  TLS_KEY: optionalText('Private key of `TLS_CERT`: PEM text, or the path of a PEM file.'),
  DATA_DIR: words('./data', 'Directory of ledger, view, vault and secrets; made with mode 0700.', parseDirectory),
  ADMIN_KEY: optionalText(
    'Key for every business and scope: 32 to 512 printable ASCII characters without spaces.',
    parseSecretToken,
    'made at first start',
  ),
  PEPPER: optionalText('32 bytes in base64, from which recipient ids are derived.', parseKey, 'made at first start'),
  KEY_ENCRYPTION_KEY: optionalText(
    '32 bytes in base64, which wrap every recipient’s key.',
    parseKey,
    'made at first start',
  ),
  ROLES: listOf(
    ALL_ROLES,
    'Parts this process runs; fewer than all only where both `EVENTSTORE_URL` and `DATABASE_URL` are set. Webhooks belong to `commands`.',
    parseRoles,
  ),
  WHATSAPP_APP_SECRET: optionalText('Signs WhatsApp’s webhooks; without it the route answers 503.'),
  WHATSAPP_VERIFY_TOKEN: optionalText('Token that Meta sends when the webhook is subscribed.'),
  LOG_LEVEL: oneOf(LOG_LEVELS, 'info', `Least severe line that is logged: ${LOG_LEVELS.join(', ')}.`),

  EVENTSTORE_URL: optionalText(
    'Connection string of EventStoreDB, which is then the ledger: `esdb://…`. Needs `PEPPER` and `KEY_ENCRYPTION_KEY`; without `DATABASE_URL` for one process alone.',
    parseEventStoreUrl,
  ),
  EVENTSTORE_APPEND_TIMEOUT_MS: ms(5000, 500, 60_000, 'Longest time in which a command is tried on EventStoreDB.'),
  EVENTSTORE_REVOCATION_TIMEOUT_MS: ms(10_000, 500, 60_000, 'The same for a revocation.'),
  EVENTSTORE_IN_FLIGHT_MAX: count(
    256,
    10_000,
    'Most appends on their way to EventStoreDB at once; revocations are not counted.',
  ),
  ESDB_PORT: optionalPort(
    'Port on which the embedded ledger can be read over EventStoreDB’s own protocol, always with TLS; 0 takes any free port.',
  ),

  DATABASE_URL: optionalText(
    'URL of PostgreSQL, which then holds vault and view: `postgres://…`. Needs `PEPPER` and `KEY_ENCRYPTION_KEY`; with the embedded ledger for one process alone.',
    parsePostgresUrl,
  ),
  DATABASE_SCHEMA: words('consent_ledger', 'Schema of the tables; made where it is missing.', parseSchemaName),
  DATABASE_POOL_MAX: wholeNumber(
    { fallback: 10, from: 4, to: 1000, unit: 'count' },
    'Most sessions of this process at once; two of them stand for what one replica is chosen to do.',
  ),
  DATABASE_WAITING_MAX: count(1000, 100_000, 'Most statements that wait for a session; further ones are turned away.'),
  DATABASE_CONNECT_TIMEOUT_MS: ms(3000, 100, 60_000, 'Longest time to make a session, or to wait for one.'),
  DATABASE_STATEMENT_TIMEOUT_MS: ms(5000, 100, 600_000, 'Longest time for a statement.'),
  DATABASE_LOCK_TIMEOUT_MS: ms(2000, 100, 60_000, 'Longest wait of a statement for a lock.'),

  KAFKA_BROKERS: optional(
    'Brokers that the relay publishes to, as `host:port,…`. Absent: there is no relay.',
    parseBrokers,
  ),
  KAFKA_TLS: yesOrNo(false, 'Whether the brokers are spoken to over TLS.'),
  KAFKA_TLS_CA: optionalText(
    'Certificates that the brokers’ are signed by: PEM text, or the path of a PEM file. Absent: those that Node trusts.',
  ),
  KAFKA_SASL_MECHANISM: optional(
    `How the relay signs in: ${SASL_MECHANISMS.join(', ')}. Needs user and password.`,
    oneOfWords(SASL_MECHANISMS),
  ),
  KAFKA_SASL_USERNAME: optionalText('User of the relay.'),
  KAFKA_SASL_PASSWORD: optionalText('Password of the relay.'),
  KAFKA_CREATE_TOPICS: yesOrNo(true, 'Whether the relay makes topics that are missing.'),
  KAFKA_REPLICATION_FACTOR: optional('Replicas of a topic that the relay makes.', parseWhole(1, 100), 'the broker’s'),
  KAFKA_MIN_ISR: optional(
    'Replicas that must have a record before it counts as stored, of a topic that the relay makes.',
    parseWhole(1, 100),
    'the broker’s',
  ),
  RELAY_BATCH_EVENTS: count(500, 10_000, 'Most events that a lane of the relay sends at once.'),
  RELAY_BATCH_KB: kib(256, 960, 'Most data that a lane of the relay sends at once.'),
  RELAY_DIRTY_MAX: count(100_000, 10_000_000, 'Most recipients whose state waits to be published.'),
  RELAY_LEASE_MS: ms(5000, 1000, 60_000, 'How long a relay that is not heard of keeps others from taking over.'),
  RELAY_LAG_WARN_MS: ms(5000, 100, HOUR_MS, 'Lag beyond which the relay says in the log that it is behind.'),

  BODY_LIMIT_KB: kib(1024, 16_384, 'Largest body of a request, and message of a call.'),
  WEBHOOK_LIMIT_KB: kib(3072, 16_384, 'Largest delivery of a provider.'),
  JSON_DEPTH_MAX: wholeNumber({ fallback: 16, from: 8, to: 100, unit: 'count' }, 'Deepest nesting of a JSON body.'),
  BATCH_MAX: count(1000, 10_000, 'Most checks in one batch, and in one message of a stream.'),
  TIMELINE_PAGE_MAX: count(500, 5000, 'Most events in one page of a timeline.'),
  CONNECTIONS_MAX: count(
    20_000,
    1_000_000,
    'Most connections at once over HTTP, and as many over gRPC; further ones are closed at once. The system must let the process have as many open files.',
  ),
  IN_FLIGHT_MAX: count(
    1000,
    100_000,
    'Most requests in work at once, over HTTP, and as many calls over gRPC; revocations and health are not counted.',
  ),
  DELIVERIES_IN_FLIGHT_MAX: count(
    100,
    10_000,
    'Most deliveries of providers in work at once; the provider sends others again.',
  ),
  FEED_WATCHERS_MAX: count(10_000, 1_000_000, 'Most watchers of changes at once; they are not requests in work.'),
  FEED_BUFFER_EVENTS: count(10_000, 1_000_000, 'Most changes that a watcher leaves unread before it is cut off.'),
  FEED_HISTORY_READERS: count(4, 1000, 'Watchers for which older changes are read from the ledger at once.'),
  FEED_STALL_MS: ms(30_000, 100, HOUR_MS, 'How long a watcher may take nothing before it is cut off.'),
  FILTER_STREAMS_MAX: count(64, 10_000, 'Most audiences that are filtered at once.'),
  FILTER_LINE_KB: kib(16, 1024, 'Longest line of an audience that is filtered.'),
  FILTER_IDLE_MS: ms(300_000, 100, 24 * HOUR_MS, 'How long a filter may stand still before it is ended.'),
  OVERLAY_MAX: count(
    100_000,
    10_000_000,
    'Most recipients whose acknowledged events the view may not show yet; beyond it only revocations are taken.',
  ),
  REQUEST_TIMEOUT_MS: ms(
    30_000,
    1000,
    HOUR_MS,
    'Longest time in which a request must have been received whole, and then its answer taken.',
  ),
  APPEND_QUEUE_MAX: count(
    1000,
    100_000,
    'Most appends that wait for the disk, or for their turn on EventStoreDB; revocations are not counted.',
  ),
  APPEND_LIMIT_KB: wholeNumber(
    { fallback: 1024, from: 64, to: 16_384, unit: 'KiB' },
    'Most data in one append to the ledger; no opt-out needs as much as the least that can be set.',
  ),
  APPEND_RETRIES: count(8, 100, 'How often a command decides again after a lost race.'),
  DISK_RESERVE_MB: wholeNumber(
    { fallback: 64, from: 1, to: 1_048_576, unit: 'MiB' },
    'Disk that only revocations may use.',
  ),
  VIEW_MAX_LAG_MS: ms(5000, 100, HOUR_MS, 'Lag beyond which the view is too old to answer.'),
  VIEW_PROBE_INTERVAL_MS: ms(1000, 10, 60_000, 'How often the view proves how far it is.'),
  WAIT_FOR_POSITION_MS: ms(1000, 0, 60_000, 'Longest wait for the position a question asks for.'),
  VIEW_CACHE_ENTRIES: count(
    20_000,
    10_000_000,
    'Recipients whose state is kept in memory unpacked where VIEW_CACHE_MB is 0, of those asked about last; at most twice as many, of about 1 kB each.',
  ),
  VIEW_CACHE_MB: wholeNumber(
    { fallback: 192, from: 0, to: 65_536, unit: 'MiB' },
    'Memory for the states of those asked about last, packed: about 7,000 in a MiB. 0: none are packed.',
  ),
  VIEW_RECENT_MAX: count(
    50_000,
    10_000_000,
    'Most recipients of whom a process keeps what the view in PostgreSQL lacks; beyond it the view is too old to answer.',
  ),
  DATA_KEY_CACHE_ENTRIES: count(
    10_000,
    1_000_000,
    'Recipients whose unwrapped key is kept in memory, at times half as many; none where the vault is in PostgreSQL.',
  ),
  API_KEY_CACHE_ENTRIES: count(1000, 1_000_000, 'API keys kept in memory.'),
  API_KEY_MAX_AGE_MS: ms(
    5000,
    100,
    HOUR_MS,
    'How long a key that was deleted by another process may still be taken, where the vault is in PostgreSQL.',
  ),
  UNROUTED_RETENTION_DAYS: wholeNumber(
    { fallback: 30, from: 1, to: 365, unit: 'days' },
    'How long an unrouted delivery is kept.',
  ),
  SHUTDOWN_TIMEOUT_MS: ms(8000, 100, 9500, 'Longest time for what is in flight to finish after SIGTERM.'),
};

export type VariableName = keyof typeof VARIABLES;
export type Values = { readonly [N in VariableName]: (typeof VARIABLES)[N]['fallback'] };
