import type { Recipient } from '#grpc-messages';

/**
 * Where the ledger was when it acknowledged this client's own commands, by person: a check of the same person carries it,
 * so that no replica answers from before. Keeps so many people, those of the newest commands; whoever is forgotten is
 * asked about as of the newest command to the business, which is later still.
 */
export class Positions {
  private readonly people = new Map<string, string>();
  /** Of the commands that are no longer kept by person. */
  private readonly forgotten = new Map<string, string>();

  constructor(private readonly capacity: number) {}

  /** `keys` are all that the person may be asked for by. */
  note(businessId: string, keys: readonly string[], position: string): void {
    for (const key of keys) {
      const name = `${businessId} ${key}`;
      const newest = later(this.people.get(name), position) as string;
      // Taken out first, so that it stands behind all others.
      this.people.delete(name);
      this.people.set(name, newest);
      if (this.people.size > this.capacity) this.forgetOldest();
    }
  }

  of(businessId: string, recipient: Recipient): string | undefined {
    for (const key of keysOf(recipient)) {
      const known = this.people.get(`${businessId} ${key}`);
      if (known !== undefined) return known;
    }
    return this.forgotten.get(businessId);
  }

  /** The newest of several people's; of one ledger the longer number is the later one, then the greater. */
  ofAll(businessId: string, recipients: readonly Recipient[]): string | undefined {
    let newest: string | undefined;
    for (const recipient of recipients) newest = later(newest, this.of(businessId, recipient));
    return newest;
  }

  private forgetOldest(): void {
    const [name, position] = this.people.entries().next().value as [string, string];
    this.people.delete(name);
    const businessId = name.slice(0, name.indexOf(' '));
    this.forgotten.set(businessId, later(this.forgotten.get(businessId), position) as string);
  }
}

export function keysOf(recipient: Recipient): readonly string[] {
  return Object.entries(recipient).flatMap(([kind, value]) => (value ? [`${kind}:${String(value)}`] : []));
}

/** Positions are opaque to everybody else; the client is the ledger's own. Of another ledger the one that came last counts. */
function later(one: string | undefined, other: string | undefined): string | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  const [oneLedger, oneDepth] = partsOf(one);
  const [otherLedger, otherDepth] = partsOf(other);
  return oneLedger === otherLedger && oneDepth > otherDepth ? one : other;
}

function partsOf(position: string): readonly [string, bigint] {
  const dot = position.lastIndexOf('.');
  const depth = position.slice(dot + 1);
  return [position.slice(0, dot), /^\d+$/.test(depth) ? BigInt(depth) : 0n];
}
