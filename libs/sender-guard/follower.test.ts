import { afterEach, describe, expect, it } from '@jest/globals';
import { instantOf } from '#consent';
import { TOPICS, WATERMARK_TYPE, encode } from '#contracts';
import { collectGarbage } from '#platform';
import { SYSTEM_CLOCK, type GuardClock } from './clock.js';
import { Follower } from './follower.js';
import { topicRecord } from './random-ledger.js';
import { ALL_TOPICS } from './reading.js';
import { SourceTrouble, type Source, type Tail, type TailOptions, type TopicEnds } from './source.js';

let follower: Follower | undefined;
afterEach(async () => {
  await follower?.close();
  follower = undefined;
});

const endsAt = (high: number): TopicEnds => new Map(ALL_TOPICS.map((topic) => [topic, [{ low: 0, high }]]));
const OPT_OUTS = TOPICS.optouts.topic;

/** A tail that hands over nothing. */
const silent = (): Tail => ({ ended: new Promise(() => undefined), close: async () => undefined });
const follow = (source: Source, clock: GuardClock = SYSTEM_CLOCK) =>
  (follower = new Follower(
    source,
    clock,
    () => undefined,
    () => undefined,
  ));

describe('a guard that reads the topics anew', () => {
  it('waits longer each time that a reading is lost before it is of use', async () => {
    const times: number[] = [];
    let isEnough: () => void = () => undefined;
    const enough = new Promise<void>((resolve) => (isEnough = resolve));
    const ends = async () => {
      if (times.push(performance.now()) === 5) isEnough();
      return endsAt(2);
    };
    const tail = ({ topics: [topic = ''], onBatch }: TailOptions): Tail => {
      // It ends before what is to be read.
      onBatch({ topic, partition: 0, records: [], first: 0, next: 0, high: -1 });
      return silent();
    };
    follow({ ends, tail });
    await enough;
    const [first = 0, , , , last = 0] = times;
    // At least half of 100, 200, 400 and 800 ms.
    expect(last - first).toBeGreaterThan(740);
  });

  it('does so where a topic, made anew since, does not hold what it is to be read to', async () => {
    let asked = 0;
    let isReadAnew: () => void = () => undefined;
    const readAnew = new Promise<void>((resolve) => (isReadAnew = resolve));
    const ends = async () => {
      asked += 1;
      if (follower && follower.reloads > 0) isReadAnew();
      return new Map([...endsAt(2), [OPT_OUTS, [{ low: 0, high: asked === 1 ? 2 : 1 }]]]);
    };
    let monotonicMs = 0;
    const clock = { ...SYSTEM_CLOCK, monotonicMs: () => (monotonicMs += 10_000) };
    follow({ ends, tail: silent }, clock);
    await readAnew;
    expect(follower?.reloads).toBe(1);
  });

  it('forgets nothing of what the clock of the ledger had reached', async () => {
    let isReadAnew: () => void = () => undefined;
    const readAnew = new Promise<void>((resolve) => (isReadAnew = resolve));
    const ends = async () => {
      if (follower && follower.reloads > 0) isReadAnew();
      return endsAt(0);
    };
    const timeMs = Date.UTC(2026, 0, 1);
    const watermark = { topic: OPT_OUTS, partition: 0, position: 'ledger.1', time: instantOf(timeMs), offset: '0' };
    const record = topicRecord('0', WATERMARK_TYPE, watermark.position, encode(watermark));
    const topic = TOPICS.watermarks.topic;
    const tail = ({ topics, onBatch }: TailOptions): Tail => {
      if (!topics.includes(topic) || follower?.reloads !== 0) return silent();
      onBatch({ topic, partition: 0, records: [{ ...record, offset: 0 }], first: 0, next: 1, high: 1 });
      return { ...silent(), ended: Promise.resolve(new SourceTrouble('missing', 'a topic that is gone')) };
    };
    follow({ ends, tail }, { nowMs: () => 0, monotonicMs: () => 5_000 });
    await readAnew;
    expect(follower?.ledgerMs(9_000)).toBe(timeMs + 4_000);
  });
});

it('keeps nothing of a consumer that it has replaced', async () => {
  const troubles: WeakRef<SourceTrouble>[] = [];
  const tail = ({ onFetch }: TailOptions): Tail => {
    const trouble = new SourceTrouble('away', 'a broker that is gone');
    troubles.push(new WeakRef(trouble));
    // Whatever is fetched makes the pause before the next consumer the shortest.
    onFetch();
    return { ...silent(), ended: Promise.resolve(trouble) };
  };
  follow({ ends: async () => endsAt(2), tail });
  while (troubles.length < 6) await new Promise((resolve) => setImmediate(resolve));
  collectGarbage();
  // The newest is what is wrong now, and the one before may still be at hand.
  const kept = troubles.slice(0, 4).filter((trouble) => trouble.deref() !== undefined);
  expect(kept).toHaveLength(0);
});
