import { afterEach, describe, expect, it } from '@jest/globals';
import { TOPICS } from '#contracts';
import { SYSTEM_CLOCK, type GuardClock } from './clock.js';
import { Follower } from './follower.js';
import { ALL_TOPICS } from './reading.js';
import type { Source, Tail, TailOptions, TopicEnds } from './source.js';

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
});
