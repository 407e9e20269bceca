import type { Instant, Provider, Sender } from '#consent';
import type { BusinessRow } from './port.js';

/** Where a provider's delivery belongs. */
export interface Route {
  readonly businessId: string;
  readonly sender: Sender;
}

/** One business's claim to a provider's id: `standing` where the id is bound now, not given up. */
interface Claim extends Route {
  readonly key: string;
  readonly standing: boolean;
  readonly boundAt: Instant;
}

/**
 * The registers of all businesses, in memory. Rows come from the view's follower and from the command handlers of this
 * process, whichever is first: the newer revision stays. What they route follows from the rows alone, in any order.
 */
export class Catalogue {
  readonly #rows = new Map<string, BusinessRow>();
  readonly #claims = new Map<string, readonly Claim[]>();

  /** Takes the row if it is newer than the one at hand; says whether it was. */
  offer(row: BusinessRow): boolean {
    const known = this.#rows.get(row.businessId);
    if (known !== undefined && Number(known.revision) >= Number(row.revision)) return false;
    this.#rows.set(row.businessId, row);
    for (const { key } of known ? claimsOf(known) : []) this.#replace(key, row.businessId, []);
    const claims = claimsOf(row);
    for (const { key } of claims) {
      this.#replace(
        key,
        row.businessId,
        claims.filter((claim) => claim.key === key),
      );
    }
    return true;
  }

  business(businessId: string): BusinessRow | undefined {
    return this.#rows.get(businessId);
  }

  businesses(): IterableIterator<BusinessRow> {
    return this.#rows.values();
  }

  /**
   * Whose sender a provider means. An id that was given up (the sender retired, or bound to another id) still routes to
   * the business that had it last, its sender shown as retired, so that a STOP sent to an old number is heard.
   */
  senderBy(provider: Provider, providerId: string): Route | undefined {
    return this.#claims.get(keyOf(provider, providerId))?.[0];
  }

  #replace(key: string, businessId: string, claims: readonly Claim[]): void {
    const others = (this.#claims.get(key) ?? []).filter((claim) => claim.businessId !== businessId);
    const all = [...others, ...claims].sort(byRight);
    if (all.length === 0) this.#claims.delete(key);
    else this.#claims.set(key, all);
  }
}

function claimsOf({ businessId, state }: BusinessRow): readonly Claim[] {
  return state.senders.flatMap((sender) => {
    const { provider, providerId, boundAt = '', formerIds = [] } = sender;
    const bound = { key: keyOf(provider, providerId ?? ''), standing: !sender.retired, boundAt, sender, businessId };
    const former = formerIds.map((one) => ({
      key: keyOf(one.provider, one.providerId),
      standing: false,
      boundAt: one.boundAt,
      sender: { ...sender, retired: true as const },
      businessId,
    }));
    return providerId === undefined ? former : [bound, ...former];
  });
}

/** Who has the id now comes first, then who had it last; the rest only makes the order certain. */
function byRight(one: Claim, other: Claim): number {
  if (one.standing !== other.standing) return one.standing ? -1 : 1;
  if (one.boundAt !== other.boundAt) return one.boundAt > other.boundAt ? -1 : 1;
  return `${one.businessId} ${one.sender.senderId}` < `${other.businessId} ${other.sender.senderId}` ? -1 : 1;
}

function keyOf(provider: Provider, providerId: string): string {
  return `${provider} ${providerId}`;
}
