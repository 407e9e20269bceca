/**
 * A position is `<ledger id>.<n>`. Positions of different ledgers never compare: one that was restored from a backup
 * has lost what the other still tells.
 */
export function reaches(reached: string | undefined, wanted: string | undefined): boolean {
  if (!reached || !wanted) return false;
  const [a, b] = [split(reached), split(wanted)];
  return a.ledger === b.ledger && a.n >= b.n;
}

/** The position that is at or past both; empty, which nothing reaches, where there is none. */
export function furthest(one: string, other: string): string {
  if (reaches(one, other)) return one;
  return reaches(other, one) ? other : '';
}

/** The one that is at or past the other; of different ledgers the newer one's, where that is known. */
export function laterOf(newer: string | undefined, older: string | undefined): string | undefined {
  return newer && !reaches(older, newer) ? newer : older;
}

/** The position that both are at or past; undefined where there is none. */
export function nearest(one: string, other: string): string | undefined {
  if (reaches(one, other)) return other;
  return reaches(other, one) ? one : undefined;
}

/** Empty where no position is known. */
export function ledgerOf(position: string | undefined): string {
  return position === undefined ? '' : split(position).ledger;
}

function split(position: string): { readonly ledger: string; readonly n: number } {
  const dot = position.lastIndexOf('.');
  return { ledger: position.slice(0, dot), n: Number(position.slice(dot + 1)) };
}
