/**
 * The later of two positions. Of one ledger they compare; of two, only the ledger that the second is of can still be the
 * one that answers, since it was told last: the second counts. An empty one is none, as protobuf leaves it where nothing
 * was set. Opaque to everybody else; the client is the ledger's own.
 */
export function later(one: string | undefined, other: string | undefined): string | undefined {
  if (!one || !other) return one || other || undefined;
  const [oneLedger, oneDepth] = partsOf(one);
  const [otherLedger, otherDepth] = partsOf(other);
  return oneLedger === otherLedger && oneDepth > otherDepth ? one : other;
}

function partsOf(position: string): readonly [string, bigint] {
  const dot = position.lastIndexOf('.');
  const depth = position.slice(dot + 1);
  return [position.slice(0, dot), /^\d+$/.test(depth) ? BigInt(depth) : 0n];
}
