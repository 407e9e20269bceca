import { describe, expect, it } from '@jest/globals';
import { Places, fitOf } from './places.js';
import type { TopicEnds } from './source.js';

const TOPIC = 'some';
const ends = (...partitions: { low: number; high: number }[]): TopicEnds => new Map([[TOPIC, partitions]]);

function placesFrom(low: number, isGapless = true): Places {
  return new Places(
    ends({ low, high: low }),
    (_, one) => one.low,
    () => isGapless,
  );
}

/** `offset@millisecond` each, `offset` alone of the mark of a transaction. */
function batch(high: number, ...parts: readonly string[]) {
  const parsed = parts.map((text) => text.split('@').map(Number) as [number, number?]);
  const [first, last] = [parsed[0]?.[0] ?? 0, parsed.at(-1)?.[0] ?? 0];
  const records = parsed.flatMap(([offset, timestampMs]) => {
    const none = { key: undefined, value: null, type: undefined, position: undefined };
    return timestampMs === undefined ? [] : [{ partition: 0, offset, timestampMs, ...none }];
  });
  return { topic: TOPIC, partition: 0, high, first, next: last + 1, records };
}

describe('places in topics', () => {
  it('go on with each batch, and begin again with the last record that was consumed', () => {
    const places = placesFrom(3);
    expect(places.resumeFrom(TOPIC)).toEqual([3]);
    expect(places.advance(batch(5, '3@1', '4@1'))).toBe(true);
    expect([places.nextOf(TOPIC, 0), places.resumeFrom(TOPIC)]).toEqual([5, [4]]);
    expect(places.advance(batch(6, '4@1', '5@2'))).toBe(true);
    expect(places.nextOf(TOPIC, 0)).toBe(6);
  });

  it('see that a topic was made anew: its record is another, it ends earlier, or it has a gap', () => {
    const consumed = () => {
      const places = placesFrom(0);
      places.advance(batch(2, '0@1', '1@1'));
      return places;
    };
    expect(consumed().advance(batch(9, '1@7', '2@7'))).toBe(false);
    expect(consumed().advance(batch(9, '0@1'))).toBe(false);
    expect(consumed().advance(batch(1, '0@7'))).toBe(false);
    expect(consumed().advance(batch(9, '4@7'))).toBe(false);
    expect(fitOf(consumed().consumed(), ends({ low: 0, high: 1 }))).toBe('behind');
    expect(fitOf(consumed().consumed(), ends({ low: 0, high: 2 }))).toBe('same');
    expect(fitOf(consumed().consumed(), ends({ low: 0, high: 2 }, { low: 0, high: 0 }))).toBe('other');
  });

  it('pass over the marks of transactions, which are no records', () => {
    const places = placesFrom(0);
    expect(places.advance(batch(3, '0@1', '1@1', '2'))).toBe(true);
    expect([places.nextOf(TOPIC, 0), places.resumeFrom(TOPIC)]).toEqual([3, [1]]);
    expect(places.advance(batch(4, '3'))).toBe(true);
    expect(places.haveReached(ends({ low: 0, high: 4 }), [TOPIC])).toBe(true);
    expect(places.advance(batch(5, '1@1', '2', '3', '4@2'))).toBe(true);
    expect(places.nextOf(TOPIC, 0)).toBe(5);
    expect(places.advance(batch(9, '6'))).toBe(false);
  });

  it('see that what was not read yet is gone, also where nothing comes after it', () => {
    expect(fitOf(placesFrom(3).consumed(), ends({ low: 3, high: 7 }))).toBe('same');
    expect(fitOf(placesFrom(3).consumed(), ends({ low: 7, high: 7 }))).toBe('other');
  });

  it('allow the gaps that compaction leaves, also where the last consumed record is gone', () => {
    const places = placesFrom(0, false);
    expect(places.advance(batch(9, '0@1', '4@1'))).toBe(true);
    expect(places.advance(batch(12, '8@2'))).toBe(true);
    expect(places.haveReached(ends({ low: 0, high: 9 }), [TOPIC])).toBe(true);
    expect(places.haveReached(ends({ low: 0, high: 10 }), [TOPIC])).toBe(false);
  });
});
