import type { Fact, Part } from './delivery.js';
import { partOf, type PartLabel } from './unrouted.js';

/** What has been read of a delivery so far. */
export interface Found {
  readonly facts: Fact[];
  readonly unrouted: Part[];
  readonly ignored: Record<string, number>;
  /** A digest of the whole delivery, made only where it is needed. */
  readonly deliveryDigest: () => string;
  /** Set where a part is nested too deep to be written by itself, so that the whole delivery has to be kept. */
  keepWhole: boolean;
}

/** `JSON.stringify` recurses where `JSON.parse` does not, so what could be read cannot always be written. */
export function keep(found: Found, label: PartLabel, writeBody: () => string): void {
  try {
    found.unrouted.push(partOf(label, writeBody()));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    found.keepWhole = true;
  }
}
