export { passOverEmptyBatches } from './empty-batches.js';
export { calmIdleConnections } from './idle-timers.js';
