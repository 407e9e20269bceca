import { DECISION, PROBLEM, RECIPIENT, type Decision, type Problem, type Recipient } from './decision.js';
import { always, message, messages, MessageType, text } from './message-type.js';

export interface CheckRequest {
  readonly businessId: string;
  readonly recipient?: Recipient;
  readonly channel?: string;
  readonly purpose?: string;
  readonly sender?: string;
  readonly atLeast?: string;
  readonly consistency?: string;
}

export const CHECK_REQUEST = new MessageType<CheckRequest>({
  businessId: always(text(1), ''),
  recipient: message(2, RECIPIENT),
  channel: text(3),
  purpose: text(4),
  sender: text(5),
  atLeast: text(6),
  consistency: text(7),
});

export interface CheckResponse {
  readonly decision?: Decision;
}

export const CHECK_RESPONSE = new MessageType<CheckResponse>({ decision: message(1, DECISION) });

/** One question of many; what it does not name is that of the whole request. */
export interface CheckItem {
  readonly recipient?: Recipient;
  readonly ref?: string;
  readonly channel?: string;
  readonly purpose?: string;
  readonly sender?: string;
}

const CHECK_ITEM = new MessageType<CheckItem>({
  recipient: message(1, RECIPIENT),
  ref: text(2),
  channel: text(3),
  purpose: text(4),
  sender: text(5),
});

/** The answer to one question of many: a decision, or what is wrong with the question. */
export interface CheckResult {
  readonly ref?: string;
  readonly decision?: Decision;
  readonly error?: Problem;
}

const CHECK_RESULT = new MessageType<CheckResult>({
  ref: text(1),
  decision: message(2, DECISION),
  error: message(3, PROBLEM),
});

/** Many questions at once. A stream of them names no `consistency`. */
export interface CheckBatchRequest {
  readonly businessId: string;
  readonly channel?: string;
  readonly purpose?: string;
  readonly sender?: string;
  readonly atLeast?: string;
  readonly consistency?: string;
  readonly checks: readonly CheckItem[];
}

export const CHECK_BATCH_REQUEST = new MessageType<CheckBatchRequest>({
  businessId: always(text(1), ''),
  channel: text(2),
  purpose: text(3),
  sender: text(4),
  atLeast: text(5),
  consistency: text(6),
  checks: always(messages(7, CHECK_ITEM), []),
});

export type FilterRequest = Omit<CheckBatchRequest, 'consistency'>;

export const FILTER_REQUEST = new MessageType<FilterRequest>({
  businessId: always(text(1), ''),
  channel: text(2),
  purpose: text(3),
  sender: text(4),
  atLeast: text(5),
  checks: always(messages(7, CHECK_ITEM), []),
});

export interface CheckBatchResponse {
  readonly position: string;
  readonly results: readonly CheckResult[];
}

export const CHECK_BATCH_RESPONSE = new MessageType<CheckBatchResponse>({
  position: always(text(1), ''),
  results: always(messages(2, CHECK_RESULT), []),
});

export interface FilterResponse {
  readonly position: string;
  readonly answers: readonly CheckResult[];
}

export const FILTER_RESPONSE = new MessageType<FilterResponse>({
  position: always(text(1), ''),
  answers: always(messages(2, CHECK_RESULT), []),
});
