export { Guard, startGuard } from './guard.js';
export type { GuardOptions } from './options.js';
export { GUARD_STATES } from './decision.js';
export type { GuardDecision, GuardQuestion, GuardReason, GuardState } from './decision.js';
export { AddressInvalid, recipientId, type RecipientAddress } from './recipient-id.js';
export { ledgerOver, type AskLedger, type LedgerAnswer } from './ask-ledger.js';
export type { GuardMetrics, GuardStatus, GuardWarning } from './status.js';
export type { GuardEvents, OptOutNotice } from './listeners.js';
export type { GuardClock } from './clock.js';
