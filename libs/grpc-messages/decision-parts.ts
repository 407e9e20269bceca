import type { Decision } from './decision.js';

/** What decisions on one topic that end alike have in common, whoever they are about. */
export type Words = Pick<Decision, 'eligible' | 'reason' | 'explanation' | 'channel' | 'purpose' | 'category'>;
/** What decisions over one reading of the view have in common. */
export type Frame = Pick<Decision, 'position' | 'decidedAt' | 'policyVersion' | 'rulesVersion'>;

/** Of the same reason, which whoever keeps such parts finds them by. */
export function haveSameWords(one: Words, other: Words): boolean {
  return (
    one.explanation === other.explanation &&
    one.channel === other.channel &&
    one.purpose === other.purpose &&
    one.category === other.category &&
    one.eligible === other.eligible
  );
}

export function haveSameFrame(one: Frame, other: Frame): boolean {
  return (
    one.decidedAt === other.decidedAt &&
    one.position === other.position &&
    one.policyVersion === other.policyVersion &&
    one.rulesVersion === other.rulesVersion
  );
}
