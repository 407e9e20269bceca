export * from './port.js';
export { Catalogue, type Route } from './catalogue.js';
export { LiveView, type LiveViewOptions, type LiveViewStatus, type LookUp } from './live-view.js';
export { foldStored, stateFromLedger } from './ledger-state.js';
export { VIEW_PREFIXES, type UnreadableEvent } from './project.js';
export { rebuildView, type RebuildOptions, type RebuildProgress, type Rebuilt } from './rebuild.js';
export { SqliteView, type SqliteViewOptions } from './sqlite-view.js';
