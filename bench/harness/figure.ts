import { median } from './statistics.js';

/** What is asked for: of the value itself, or of the value beside its floor. */
export type Goal =
  { readonly of: 'ratio' | 'value'; readonly atLeast: number } | { readonly of: 'value'; readonly atMost: number };

export interface Floor {
  readonly what: string;
  /** One per round, in the unit of the figure. */
  readonly values: readonly number[];
}

/** One row of the table: what was measured round by round, beside its floor. */
export interface Figure {
  readonly what: string;
  readonly unit: string;
  readonly values: readonly number[];
  readonly floor?: Floor;
  /** How near the value came to the floor in each round: 1 is as good. */
  readonly ratios?: readonly number[];
  readonly goal?: Goal;
  /** What else the same rounds showed, by a name with its unit: medians. */
  readonly also: Readonly<Record<string, number>>;
}

/** What a goal is held against: the median of the rounds. */
export function measured({ goal, values, ratios }: Figure): number {
  return median(goal?.of === 'ratio' ? (ratios ?? []) : values);
}

/** Undefined where nothing is asked. */
export function isReached(figure: Figure): boolean | undefined {
  const { goal } = figure;
  if (goal === undefined) return undefined;
  return 'atLeast' in goal ? measured(figure) >= goal.atLeast : measured(figure) <= goal.atMost;
}
