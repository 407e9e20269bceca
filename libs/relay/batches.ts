import type { Telling } from './tellings.js';

export interface BatchLimits {
  readonly records: number;
  /** Of keys and values. */
  readonly bytes: number;
}

/** In their order, cut so that no batch is beyond the limits; a record that is beyond them alone is a batch of its own. */
export function* batchesOf(tellings: readonly Telling[], limits: BatchLimits): Generator<readonly Telling[]> {
  for (let start = 0; start < tellings.length;) {
    const end = start + fitting(tellings, start, limits);
    yield start === 0 && end === tellings.length ? tellings : tellings.slice(start, end);
    start = end;
  }
}

function fitting(tellings: readonly Telling[], start: number, limits: BatchLimits): number {
  let count = 0;
  let bytes = 0;
  while (count < limits.records && start + count < tellings.length) {
    bytes += sizeOf(tellings[start + count] as Telling);
    if (bytes > limits.bytes && count > 0) break;
    count += 1;
  }
  return count;
}

export function sizeOf({ record }: Telling): number {
  return record.key.length + record.value.length;
}
