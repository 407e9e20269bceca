import { Doubt, instantIn, positionIn, readValue, textIn, type Members, type NotUnderstood } from './reading.js';
import type { WatermarkRecord } from './records.js';

/** Where it is not understood it proves nothing: the one before goes on ageing. */
export function readWatermarkRecord(bytes: Uint8Array | null): WatermarkRecord | NotUnderstood {
  return readValue(bytes, readWatermark);
}

function readWatermark(members: Members): WatermarkRecord {
  const { partition } = members;
  if (typeof partition !== 'number' || !Number.isSafeInteger(partition) || partition < 0) throw new Doubt('partition');
  const offset = textIn(members, 'offset');
  if (!/^\d{1,19}$/.test(offset)) throw new Doubt('offset');
  const topic = textIn(members, 'topic');
  return { topic, partition, position: positionIn(members, 'position'), time: instantIn(members, 'time'), offset };
}
