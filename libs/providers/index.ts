export * from './whatsapp/delivery.js';
export * from './whatsapp/read-delivery.js';
export * from './whatsapp/signature.js';
export * from './whatsapp/unrouted.js';
