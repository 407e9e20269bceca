import type { Bench } from '../harness/bench.js';
import { programOf, startHelper } from '../harness/child.js';
import type { Figure } from '../harness/figure.js';
import { interleave, series, type Sample } from '../harness/rounds.js';
import { median } from '../harness/statistics.js';
import { FilledTopics } from '../floors/kafka/states.js';
import type { GuardMeasured } from '../guard/main.js';
import { BUSINESS, stateOf } from '../guard/recipients.js';

const RECIPIENTS = 1_000_000;
const GOAL_CHECKS_PER_SECOND = 1_000_000;
const GOAL_STORED_BYTES = 150;
const GOAL_BOOT_SECONDS = 15;

/** A sender's guard over a broker that holds the state of a million recipients: boot, memory, checks. */
export async function measureGuard(bench: Bench, brokers: readonly string[]): Promise<readonly Figure[]> {
  const recipients = bench.amount(RECIPIENTS);
  const topics = new FilledTopics(brokers);
  bench.own(() => topics.close());
  await topics.create(BUSINESS);
  await topics.fill(recipients, stateOf, (done) =>
    bench.progress.say(`guard: ${done} of ${recipients} states written`),
  );
  topics.keepProving(stateOf(recipients).position);
  const what = `guard, ${recipients.toLocaleString('en-GB')} recipients`;
  const boot = () => bootOnce(brokers, recipients);
  const { guard } = await interleave({ guard: boot }, bench.rounds(what));
  return figuresOf(what, guard);
}

type GuardSample = Sample & GuardMeasured;

async function bootOnce(brokers: readonly string[], recipients: number): Promise<GuardSample> {
  const { said, stop } = await startHelper(programOf('bench/guard/main.js'), { brokers, recipients });
  await stop();
  return said as GuardSample;
}

function figuresOf(what: string, samples: readonly GuardSample[]): readonly Figure[] {
  return [
    {
      what: `${what}: boot from Kafka until LIVE`,
      unit: 'seconds',
      values: series(samples, 'bootSeconds'),
      goal: { of: 'value', atMost: GOAL_BOOT_SECONDS },
      also: {},
    },
    {
      what: `${what}: memory outside the heap`,
      unit: 'bytes a recipient',
      values: series(samples, 'storedBytes'),
      goal: { of: 'value', atMost: GOAL_STORED_BYTES },
      also: {
        'growth of the heap, bytes a recipient': median(series(samples, 'heapBytes')),
        'growth of what is resident, bytes a recipient': median(series(samples, 'residentBytes')),
      },
    },
    {
      what: `${what}: check(), each recipient in turn`,
      unit: 'checks a second',
      values: series(samples, 'checksPerSecond'),
      goal: { of: 'value', atLeast: GOAL_CHECKS_PER_SECOND },
      also: {},
    },
  ];
}
