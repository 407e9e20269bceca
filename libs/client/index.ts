export { LedgerClient, type CommandOptions, type LedgerClientOptions } from './client.js';
export { LedgerError } from './errors.js';
export type { RetryOptions } from './retries.js';
export type {
  Basis,
  Change,
  CheckBatchRequest,
  CheckBatchResponse,
  CheckItem,
  CheckRequest,
  CheckResult,
  CommandAnswer,
  Decision,
  FilterRequest,
  FilterResponse,
  GrantRequest,
  Problem,
  Recipient,
  RecordMessageRequest,
  RevokeRequest,
  WatchRequest,
  WatchResponse,
} from '#grpc-messages';
