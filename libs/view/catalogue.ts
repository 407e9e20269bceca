import type { Provider, Sender } from '#consent';
import type { BusinessRow } from './port.js';

/** Where a provider's delivery belongs. */
export interface Route {
  readonly businessId: string;
  readonly sender: Sender;
}

/**
 * The registers of all businesses, in memory. Rows come from the view's follower and from the command handlers of this
 * process, whichever is first: the newer revision stays.
 */
export class Catalogue {
  readonly #rows = new Map<string, BusinessRow>();
  readonly #routes = new Map<string, Route>();

  /** Takes the row if it is newer than the one at hand; says whether it was. */
  offer(row: BusinessRow): boolean {
    const known = this.#rows.get(row.businessId);
    if (known !== undefined && Number(known.revision) >= Number(row.revision)) return false;
    this.#rows.set(row.businessId, row);
    for (const sender of row.state.senders) this.#bind({ businessId: row.businessId, sender });
    return true;
  }

  business(businessId: string): BusinessRow | undefined {
    return this.#rows.get(businessId);
  }

  businesses(): IterableIterator<BusinessRow> {
    return this.#rows.values();
  }

  /**
   * Whose sender a provider means. A retired sender still routes to the business that had it last, so that a STOP sent
   * to an old number is heard, unless another business has bound it since.
   */
  senderBy(provider: Provider, providerId: string): Route | undefined {
    return this.#routes.get(routeKey(provider, providerId));
  }

  #bind(route: Route): void {
    const key = keyOf(route.sender);
    if (key === undefined) return;
    const holder = this.#routes.get(key);
    if (route.sender.retired && holder !== undefined && this.#keepsRoute(holder, route, key)) return;
    this.#routes.set(key, route);
  }

  /** A retired sender takes a route over from nobody but an equally retired one of its own business. */
  #keepsRoute(holder: Route, retired: Route, key: string): boolean {
    if (holder.businessId !== retired.businessId) return true;
    const senders = this.#rows.get(holder.businessId)?.state.senders ?? [];
    return senders.some((sender) => !sender.retired && keyOf(sender) === key);
  }
}

function keyOf({ provider, providerId }: Sender): string | undefined {
  return providerId === undefined ? undefined : routeKey(provider, providerId);
}

function routeKey(provider: Provider, providerId: string): string {
  return `${provider} ${providerId}`;
}
