import { createHash } from 'node:crypto';
import { afterEach, expect, it } from '@jest/globals';
import { planned, TOPICS, type StateRecord } from '#contracts';
import { until } from '../../faults/until.js';
import { startBroker, stopBrokers } from '../broker.js';
import { jsonOf } from '../reader.js';
import { append, eventOf, grant, recordsOf, RelayScene } from './scene.js';

const SEGMENT_MS = 2_000;
/** As the topic is planned, in a minute what takes a day. */
const QUICK = { 'segment.ms': String(SEGMENT_MS), 'min.compaction.lag.ms': '0', 'max.compaction.lag.ms': '2000' };
const PATIENCE_MS = 60_000;
const idOf = (name: string) => createHash('sha256').update(name).digest('base64url');
const [WILLING, ERASED] = [idOf('willing'), idOf('erased')];

let scene: RelayScene | undefined;
afterEach(async () => {
  await scene?.close();
  await stopBrokers();
});

it(
  'what an erased person’s state said before goes also where nobody is published any more',
  async () => {
    const { brokers } = await startBroker({ settings: { 'log.cleaner.backoff.ms': '100' } });
    const on = (scene = await RelayScene.open(brokers));
    const plan = planned('state', {});
    await on.kafka.cluster.create([{ ...plan, settings: { ...plan.settings, ...QUICK } }]);
    const relay = on.relay({ segmentMs: SEGMENT_MS });
    for (const id of [WILLING, ERASED]) await append(on, `consent-${id}`, grant());
    await on.published(relay);
    await append(on, `consent-${ERASED}`, eventOf('RecipientErased'));
    await on.published(relay);
    const statesOf = async (id: string) => {
      const records = await recordsOf(on, brokers, TOPICS.state.topic);
      return records.filter(({ key }) => key === id).map((record) => jsonOf<StateRecord>(record));
    };
    expect((await statesOf(ERASED)).map(({ erased }) => erased)).toContain(false);
    const isGone = async () => (await statesOf(ERASED)).every(({ erased }) => erased) || undefined;
    await until('the state from before is gone', isGone, PATIENCE_MS);
    expect((await statesOf(WILLING)).at(-1)?.grants).toHaveLength(1);
    expect(relay.status().healed).toBe(0);
  },
  2 * PATIENCE_MS,
);
