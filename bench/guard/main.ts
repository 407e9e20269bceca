/**
 * A process with a guard, as a sender has one: boots over a broker, looks at its memory, asks about everybody. It ends
 * with its parent. Started with `--expose-gc`.
 */
import { startGuard } from '#sender-guard';
import { BUSINESS, idOf, isStopped } from './recipients.js';

export interface GuardOrder {
  readonly brokers: readonly string[];
  readonly recipients: number;
}

export interface GuardMeasured {
  readonly bootSeconds: number;
  readonly checksPerSecond: number;
  /** Taken from the system by the guard, outside the heap, for each recipient. */
  readonly storedBytes: number;
  readonly heapBytes: number;
  readonly residentBytes: number;
}

/** Everybody in turn, so often, once more before to warm up: nobody is asked about twice in a row. */
const PASSES = 3;

process.on('disconnect', () => process.exit(0));
process.once('message', (order: GuardOrder) => void measure(order));

async function measure({ brokers, recipients }: GuardOrder): Promise<void> {
  // Made first: they are the sender's own, and are not to be counted as the guard's.
  const ids = Array.from({ length: recipients }, (_, n) => idOf(n));
  const before = memory();
  const began = performance.now();
  const guard = startGuard({ brokers });
  await guard.live();
  const bootSeconds = (performance.now() - began) / 1_000;
  const after = memory();
  const { storedBytes, recipients: known } = guard.metrics();
  if (known !== recipients) throw new Error(`the guard knows ${known} of ${recipients}`);
  const isEligible = (id: string) => guard.check(about(id)).eligible;
  askAll(ids, 1, isEligible);
  const checksPerSecond = (recipients * PASSES) / askAll(ids, PASSES, isEligible);
  const measured: GuardMeasured = {
    bootSeconds,
    checksPerSecond,
    storedBytes: storedBytes / recipients,
    heapBytes: (after.heapUsed - before.heapUsed) / recipients,
    residentBytes: (after.rss - before.rss) / recipients,
  };
  await guard.close();
  process.send?.(measured);
}

function about(recipientId: string) {
  return { businessId: BUSINESS, recipientId, channel: 'whatsapp', purpose: 'offers' } as const;
}

/** In seconds. A wrong answer would make the speed worthless. */
function askAll(ids: readonly string[], passes: number, isEligible: (id: string) => boolean): number {
  const began = performance.now();
  for (let pass = 0; pass < passes; pass++) {
    for (const [n, id] of ids.entries()) {
      if (isEligible(id) === isStopped(n)) throw new Error(`a wrong answer about recipient ${n}`);
    }
  }
  return (performance.now() - began) / 1_000;
}

function memory(): NodeJS.MemoryUsage {
  globalThis.gc?.();
  return process.memoryUsage();
}
