export * from './port.js';
export * from './address.js';
export { RecipientIds, recipientKey } from './recipient-id.js';
