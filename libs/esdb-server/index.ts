export { type Authorize } from './admission.js';
export { type Limits } from './context.js';
export { serveEventStore, type EventStoreServer, type ServeEventStoreOptions } from './server.js';
