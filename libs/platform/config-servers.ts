import { ALL_ROLES } from './config-values.js';
import type { Values } from './config-variables.js';

/** EventStoreDB as the ledger. The address may hold a password. */
export interface EventStoreConfig {
  readonly url: string;
  readonly appendTimeoutMs: number;
  readonly revocationTimeoutMs: number;
  readonly inFlightMax: number;
}

/** PostgreSQL for vault and view. The address may hold a password. */
export interface DatabaseConfig {
  readonly url: string;
  readonly schema: string;
  readonly limits: {
    readonly poolMax: number;
    readonly waitingMax: number;
    readonly connectTimeoutMs: number;
    readonly statementTimeoutMs: number;
    readonly lockTimeoutMs: number;
  };
  /** Most recipients of whom this process keeps what the view there lacks. */
  readonly recentMax: number;
  /** How long an API key that another process deleted may still be taken. */
  readonly apiKeyMaxAgeMs: number;
}

export function eventStoreOf(values: Values): EventStoreConfig | undefined {
  const { EVENTSTORE_URL: url } = values;
  if (url === undefined) return undefined;
  return {
    url,
    appendTimeoutMs: values.EVENTSTORE_APPEND_TIMEOUT_MS,
    revocationTimeoutMs: values.EVENTSTORE_REVOCATION_TIMEOUT_MS,
    inFlightMax: values.EVENTSTORE_IN_FLIGHT_MAX,
  };
}

export function databaseOf(values: Values): DatabaseConfig | undefined {
  const { DATABASE_URL: url } = values;
  if (url === undefined) return undefined;
  return {
    url,
    schema: values.DATABASE_SCHEMA,
    limits: {
      poolMax: values.DATABASE_POOL_MAX,
      waitingMax: values.DATABASE_WAITING_MAX,
      connectTimeoutMs: values.DATABASE_CONNECT_TIMEOUT_MS,
      statementTimeoutMs: values.DATABASE_STATEMENT_TIMEOUT_MS,
      lockTimeoutMs: values.DATABASE_LOCK_TIMEOUT_MS,
    },
    recentMax: values.VIEW_RECENT_MAX,
    apiKeyMaxAgeMs: values.API_KEY_MAX_AGE_MS,
  };
}

/** What must not be set together, each with the reason. */
export function unsafeServers(values: Values): [boolean, string][] {
  const { EVENTSTORE_URL, DATABASE_URL, ESDB_PORT, PEPPER, KEY_ENCRYPTION_KEY, ROLES } = values;
  const secretsMissing = PEPPER === undefined || KEY_ENCRYPTION_KEY === undefined;
  return [
    [
      EVENTSTORE_URL !== undefined && secretsMissing,
      'EVENTSTORE_URL needs PEPPER and KEY_ENCRYPTION_KEY: a ledger on a server outlives this directory, so its secrets must not be made here',
    ],
    [
      DATABASE_URL !== undefined && secretsMissing,
      'DATABASE_URL needs PEPPER and KEY_ENCRYPTION_KEY: a vault on a server outlives this directory, so its secrets must not be made here',
    ],
    [
      EVENTSTORE_URL !== undefined && ESDB_PORT !== undefined,
      'ESDB_PORT serves the embedded ledger, but EVENTSTORE_URL names another: read that one itself, and unset ESDB_PORT',
    ],
    [
      ROLES.length < ALL_ROLES.length && (EVENTSTORE_URL === undefined || DATABASE_URL === undefined),
      `ROLES leaves out ${ALL_ROLES.filter((role) => !ROLES.includes(role)).join(' and ')}, but only processes that share ledger and view can divide the work: set EVENTSTORE_URL and DATABASE_URL, or unset ROLES`,
    ],
  ];
}

/** What is allowed but worth a line in the log at start. */
export function warningsOfServers({ EVENTSTORE_URL, DATABASE_URL, ADMIN_KEY }: Values): [boolean, string][] {
  return [
    [
      EVENTSTORE_URL !== undefined && DATABASE_URL !== undefined && ADMIN_KEY === undefined,
      'ADMIN_KEY is not set: this process makes one of its own, which the other replicas do not know',
    ],
  ];
}
