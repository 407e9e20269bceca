export * from './port.js';
export type { Election, Term } from './election.js';
export {
  businessOf,
  projectBusiness,
  projectRecipient,
  readRecipientEvent,
  readRegisterEvent,
  recipientOf,
  VIEW_PREFIXES,
  type ReadRecipientEvent,
  type UnreadableEvent,
} from './project.js';
export { stateFor } from './recipient-row.js';
export { businessFromLedger, foldStored, rowFromLedger, stateFromLedger } from './ledger-state.js';
export { stateWithLinked } from './linked-states.js';
export { catchUp, type CatchUpOptions } from './catch-up.js';
export type { Catalogue, Route } from './catalogue.js';
export { LiveView } from './live-view.js';
export type { LiveViewOptions, LiveViewStatus, LookUp } from './live-view-terms.js';
export type { RebuildProgress } from './fill.js';
export { rebuildView, type RebuildOptions, type Rebuilt } from './rebuild.js';
export type { SqliteView, SqliteViewOptions } from './sqlite-view.js';
export { ViewUnusable } from './view-database.js';
export { openPostgresView, type OpenPostgresViewOptions, type PostgresView } from './postgres/postgres-view.js';
export { rebuildPostgresView, type RebuildPostgresOptions } from './postgres/rebuild.js';
export { openSharedView, type OpenSharedViewOptions } from './postgres/shared-view.js';
export type { SharedView } from './shared-copy.js';
