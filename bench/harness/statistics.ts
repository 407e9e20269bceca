/** The middle one of the values; of an even number of them the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('there is no median of nothing');
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] as number) + upper) / 2;
}

/** The smallest of the values that at least `share` (0 to 1) of them do not exceed: nearest rank, nothing interpolated. */
export function percentile(values: ArrayLike<number>, share: number): number {
  if (values.length === 0) throw new RangeError('there is no percentile of nothing');
  const sorted = Float64Array.from(values).sort();
  const rank = Math.min(Math.max(Math.ceil(share * sorted.length), 1), sorted.length);
  return sorted[rank - 1] as number;
}

/** How near each value comes to the floor of the same round: 1 is as good as the floor. */
export function ratiosTo(
  floors: readonly number[],
  values: readonly number[],
  kind: 'cost' | 'rate',
): readonly number[] {
  return values.map((value, round) => {
    const floor = floors[round];
    if (floor === undefined) throw new RangeError('every round needs its floor');
    return kind === 'cost' ? floor / value : value / floor;
  });
}
