export { encodeAnswers, encodeCheckResponse } from './answer-writer.js';
export * from './consent.js';
export * from './decision.js';
export * from './eligibility.js';
export { UNREADABLE_INSTANT } from './instant.js';
export { MessageType } from './message-type.js';
export { decodeCheckBatchRequest, decodeCheckRequest } from './request-reader.js';
export { METHODS, type MethodPath } from './services.js';
export * from './status.js';
