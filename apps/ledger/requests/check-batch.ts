import { Refusal } from '#platform';
import { behindOthers, mayBeNews } from '../commands/register.js';
import type { Parts } from '../parts.js';
import type { Check, Decision } from '../queries/check-eligibility.js';
import { readCheck, type RawCheck } from './check-body.js';

/** The questions of a batch as they were understood: one that is the caller's mistake is answered as such. */
export interface ReadBatch {
  readonly items: readonly (Check | Refusal)[];
  /** Those that can be decided, over one reading of the view. */
  readonly checks: readonly Check[];
}

/** One that could not be read so far stays what it is. */
function readBatch(
  parts: Parts,
  businessId: string,
  asked: readonly (RawCheck | Refusal)[],
  defaults: RawCheck,
): ReadBatch {
  const checks: Check[] = [];
  const items = asked.map((item) => {
    const read = item instanceof Refusal ? item : readCheck(parts, businessId, item, defaults);
    if (!(read instanceof Refusal)) checks.push(read);
    return read;
  });
  return { items, checks };
}

/**
 * Reads questions, and reads them again where another process may have registered a moment ago what an item names. Where
 * this one does not get to know that in time, the item is to be asked again.
 */
export function readBatchWithNews(
  parts: Parts,
  businessId: string,
  asked: readonly (RawCheck | Refusal)[],
  defaults: RawCheck,
): ReadBatch | Promise<ReadBatch> {
  const batch = readBatch(parts, businessId, asked, defaults);
  if (!batch.items.some((item) => mayBeNews(parts, item))) return batch;
  return parts.view.meetOthers().then((met) => {
    if (met) return readBatch(parts, businessId, asked, defaults);
    return { ...batch, items: batch.items.map((item) => (mayBeNews(parts, item) ? behindOthers() : item)) };
  });
}

/** In the order asked: each item's decision, or why there is none. */
export function eachAnswered<T>(
  { items }: ReadBatch,
  decisions: readonly Decision[],
  answer: (outcome: Decision | Refusal, index: number) => T,
): readonly T[] {
  let next = 0;
  return items.map((item, index) => answer(item instanceof Refusal ? item : (decisions[next++] as Decision), index));
}
