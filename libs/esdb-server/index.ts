export { type Authorize } from './admission.js';
export { type Limits } from './context.js';
export { openOwnCertificate, type OwnCertificate, type OwnCertificateOptions } from './own-certificate.js';
export { serveEventStore, type EventStoreServer, type ServeEventStoreOptions } from './server.js';
