import { epochMsOf } from '#consent';
import type { WatermarkRecord } from '#contracts';
import type { GuardClock } from './clock.js';
import { LedgerClock } from './ledger-clock.js';
import { nearest, reaches } from './positions.js';

/** So many watermarks may wait for their opt-outs, of each partition: more than a minute's. */
const MAX_WAITING = 64;

/** What one partition of the opt-out topic has proved. */
interface Proof {
  readonly position: string;
  readonly timeMs: number;
  /** By the monotonic clock, when the watermark's instant was, if the wall clock was right as it came. */
  readonly monotonicMs: number;
}

interface Partition {
  consumed: number;
  proof?: Proof;
  newest?: WatermarkRecord;
  readonly waiting: { readonly offset: number; readonly proof: Proof }[];
}

/**
 * How old the knowledge of opt-outs may be at most. A watermark says how far its partition of the opt-out topic was at
 * an instant, and counts once everything up to the offset it names has been consumed: the two topics are fetched
 * independently.
 *
 * Its age is by the wall clock, by the ledger's own clock as the watermarks tell it, and by the monotonic clock since it
 * came, whichever is most: a wall clock that is set back cannot make old knowledge fresh, nor a watermark that came late.
 * Where the ledger's clock is put back, everything seems late and is old until `LedgerClock` forgets what it said before.
 * A watermark from the future counts as of now, and `aheadMs` tells by how much.
 */
export class Freshness {
  readonly #partitions: readonly Partition[];
  /** The oldest proof's instants; before all of time until every partition has proved something. */
  #wallMs = Number.NEGATIVE_INFINITY;
  #monotonicMs = Number.NEGATIVE_INFINITY;
  readonly #ledgerClock = new LedgerClock();
  #position: string | undefined;
  /** How far the newest watermark was ahead of this machine's wall clock. */
  aheadMs = 0;

  constructor(
    private readonly clock: GuardClock,
    partitions: number,
  ) {
    this.#partitions = Array.from({ length: partitions }, () => ({ consumed: 0, waiting: [] }));
  }

  /** Every opt-out up to here has been consumed. */
  get position(): string | undefined {
    return this.#position;
  }

  /** Infinite until every partition has proved something. The instants are of the two clocks, now. */
  ageMs(nowMs: number, monotonicMs: number): number {
    const latestMs = Math.max(nowMs, this.#ledgerClock.nowMs(monotonicMs));
    return Math.max(latestMs - this.#wallMs, monotonicMs - this.#monotonicMs, 0);
  }

  /** An instant that the ledger's clock has reached by now; never falls. */
  ledgerMs(monotonicMs: number): number {
    return this.#ledgerClock.reachedMs(monotonicMs);
  }

  /**
   * False where it contradicts one before: from there on fewer opt-outs than there were are said to hold more. Either
   * two relays overlap or the topic is no longer the one that was consumed, so it proves nothing before `trust`.
   */
  watermark(record: WatermarkRecord): boolean {
    const partition = this.#partitions[record.partition];
    if (partition === undefined) return false;
    const { newest } = partition;
    const isFurther = newest === undefined || reaches(record.position, newest.position);
    if (newest && isFurther && Number(record.offset) < Number(newest.offset)) return false;
    if (isFurther || !reaches(newest.position, record.position)) partition.newest = record;
    this.#await(partition, record);
    return true;
  }

  /** The topic was looked at and is the one that was consumed: watermarks are taken as they come. */
  trust(): void {
    for (const partition of this.#partitions) delete partition.newest;
  }

  /** Everything of the partition before `offset` has been taken into account. */
  consumed(index: number, offset: number): void {
    const partition = this.#partitions[index];
    if (partition === undefined || offset <= partition.consumed) return;
    partition.consumed = offset;
    this.#prove(partition);
  }

  #await(partition: Partition, { offset, position, time }: WatermarkRecord): void {
    const timeMs = epochMsOf(time);
    const sinceMs = this.clock.nowMs() - timeMs;
    this.aheadMs = Math.max(0, -sinceMs);
    const arrivedMs = this.clock.monotonicMs();
    this.#ledgerClock.heard(timeMs, arrivedMs);
    const proof = { position, timeMs, monotonicMs: arrivedMs - Math.max(0, sinceMs) };
    if (partition.waiting.length >= MAX_WAITING) partition.waiting.pop();
    partition.waiting.push({ offset: Number(offset), proof });
    this.#prove(partition);
  }

  #prove(partition: Partition): void {
    const proved = partition.waiting.filter(({ offset }) => offset <= partition.consumed);
    if (proved.length === 0) return;
    const waiting = partition.waiting.filter(({ offset }) => offset > partition.consumed);
    partition.waiting.splice(0, partition.waiting.length, ...waiting);
    for (const { proof } of proved) {
      if (proof.monotonicMs >= (partition.proof?.monotonicMs ?? Number.NEGATIVE_INFINITY)) partition.proof = proof;
    }
    this.#settle();
  }

  #settle(): void {
    const proofs = this.#partitions.flatMap(({ proof }) => proof ?? []);
    if (proofs.length < this.#partitions.length) return;
    this.#wallMs = Math.min(...proofs.map(({ timeMs }) => timeMs));
    this.#monotonicMs = Math.min(...proofs.map(({ monotonicMs }) => monotonicMs));
    const [first, ...others] = proofs.map(({ position }) => position);
    this.#position = others.reduce<string | undefined>((all, one) => all && nearest(all, one), first);
  }
}
