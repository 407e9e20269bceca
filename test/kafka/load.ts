import type { OutgoingRecord, Publisher } from '#relay';
import type { Chance } from '../faults/full.js';
import type { SeenRecord } from './reader.js';

export const LOAD_PARTITIONS = 12;

/** What became of a load. A record is missing where it was acknowledged and is not stored. */
export interface Figures {
  readonly acknowledged: number;
  readonly missing: number;
  /** Records that come after a later one of their key, once repeats are dropped. */
  readonly outOfOrder: number;
  readonly duplicates: number;
}

/** Sends batch after batch, one at a time, each with the next number of every key: as long as it is told to. */
export class Load {
  private readonly keys: readonly { readonly key: string; readonly partition: number }[];
  private batches = 0;
  private stopped = false;
  private hearers: (() => void)[] = [];

  constructor(
    private readonly topic: string,
    partitionOf: Publisher['partitionOf'],
    private readonly chance: Chance,
  ) {
    const keys = Array.from({ length: 4 * LOAD_PARTITIONS }, (_, index) => `key-${index}`);
    this.keys = keys.map((key) => ({ key, partition: partitionOf(topic, key) }));
  }

  /** Batches acknowledged. */
  get acknowledged(): number {
    return this.batches;
  }

  /** Resolves once it is told to stop; `send` resolves when the batch is acknowledged. */
  async run(send: (batch: readonly OutgoingRecord[]) => Promise<void>): Promise<void> {
    while (!this.stopped) {
      await send(this.batch(this.batches));
      this.batches += 1;
      const hearers = this.hearers.splice(0);
      for (const hear of hearers) hear();
    }
  }

  stop(): void {
    this.stopped = true;
  }

  /** Resolves once so many more batches are acknowledged. */
  async more(batches: number): Promise<void> {
    const goal = this.batches + batches;
    while (this.batches < goal) await new Promise<void>((resolve) => this.hearers.push(resolve));
  }

  judge(stored: readonly SeenRecord[]): Figures {
    const numbers = new Map<string, number[]>();
    for (const { key = '', value } of stored) {
      const ofKey = numbers.get(key) ?? [];
      ofKey.push(Number(String(value).split(' ', 1)[0]));
      numbers.set(key, ofKey);
    }
    const each = this.keys.map(({ key }) => judgeKey(numbers.get(key) ?? [], this.batches));
    return each.reduce((all, one) => ({
      acknowledged: all.acknowledged + one.acknowledged,
      missing: all.missing + one.missing,
      outOfOrder: all.outOfOrder + one.outOfOrder,
      duplicates: all.duplicates + one.duplicates,
    }));
  }

  private batch(number: number): OutgoingRecord[] {
    const filling = 'x'.repeat(this.chance.between(10, 400));
    const value = Buffer.from(`${number} ${filling}`);
    return this.keys.map(({ key, partition }) => ({ topic: this.topic, partition, key, headers: {}, value }));
  }
}

function judgeKey(numbers: readonly number[], acknowledged: number): Figures {
  const first = [...new Set(numbers)];
  const known = new Set(first);
  const missing = Array.from({ length: acknowledged }, (_, number) => number).filter((number) => !known.has(number));
  const outOfOrder = first.filter((number, index) => index > 0 && number < (first[index - 1] ?? 0));
  return {
    acknowledged,
    missing: missing.length,
    outOfOrder: outOfOrder.length,
    duplicates: numbers.length - first.length,
  };
}
