export { DEFAULT_POSTGRES_LIMITS, DEFAULT_SCHEMA, type PostgresLimits, type PostgresOptions } from './options.js';
export { openPostgres, type Patience, type Postgres, type PostgresStatus } from './postgres.js';
export { PostgresError, type PostgresProblem } from './postgres-error.js';
export type { Session, Statement } from './session.js';
export type { HeldSession } from './held-session.js';
export { lockInTransaction, tryAdvisoryLock, type AdvisoryLock } from './advisory-lock.js';
export { migrate, type Migrations } from './migrate.js';
export { textArray } from './text-array.js';
export { Gathered, type GatherLimits } from './gathered.js';
