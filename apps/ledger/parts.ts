import type { Ledger } from '#event-store';
import type { Feed } from '#feed';
import type { Clock, Config, Log, Metrics } from '#platform';
import type { Postgres } from '#postgres';
import type { RecipientIds, Vault } from '#vault';
import type { Relay } from '#relay';
import type { LiveView } from '#view';
import type { KeyUses } from './commands/key-uses.js';
import type { UnderWay } from './commands/under-way.js';
import type { RoundsStatus } from './completion/rounds.js';

/** What the handlers work with, opened once at start. An abstract class, so that Nest can inject it by its type. */
export abstract class Parts {
  abstract readonly config: Config;
  abstract readonly clock: Clock;
  abstract readonly log: Log;
  abstract readonly metrics: Metrics;
  abstract readonly store: Ledger;
  /** Undefined where vault and view are files. */
  abstract readonly postgres: Postgres | undefined;
  abstract readonly vault: Vault;
  abstract readonly view: LiveView;
  abstract readonly ids: RecipientIds;
  abstract readonly keyUses: KeyUses;
  abstract readonly underWay: UnderWay;
  /** What was broken off half way is completed in rounds. */
  abstract readonly completion: { status(): RoundsStatus | undefined };
  /** Undefined where no brokers are configured, or this process does not run the role. */
  abstract readonly relay: Relay | undefined;
  abstract readonly feed: Feed;
}
