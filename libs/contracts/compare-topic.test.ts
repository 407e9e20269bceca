import { describe, expect, it } from '@jest/globals';
import { compareTopic, describeDifference, type FoundTopic } from './compare-topic.js';
import { creationCommand, planned, TOPICS, type TopicName } from './topics.js';

const SAFE = { 'min.insync.replicas': '2' };

function asPlanned(name: TopicName): FoundTopic {
  const { topic, partitions, settings } = TOPICS[name];
  return { topic, partitions, replicas: 3, settings: { ...settings, ...SAFE } };
}

function differences(name: TopicName, changed: Partial<FoundTopic>, settings: Record<string, string | undefined> = {}) {
  const found = { ...asPlanned(name), ...changed };
  const known = Object.entries({ ...found.settings, ...settings }).filter(([, value]) => value !== undefined);
  const asFound = { ...found, settings: Object.fromEntries(known) as Record<string, string> };
  return compareTopic(planned(name, {}), asFound).map(({ topic: _topic, ...difference }) => difference);
}

const NAMES = Object.keys(TOPICS) as TopicName[];

describe('a topic that the broker has', () => {
  it.each(NAMES)('%s as planned has no difference', (name) => {
    expect(differences(name, {})).toEqual([]);
  });

  it.each(NAMES)('%s with another number of partitions stops', (name) => {
    expect(differences(name, { partitions: 24 })).toEqual([
      { setting: 'partitions', found: '24', wanted: '12', severity: 'stops' },
    ]);
  });

  it.each(['state', 'watermarks', 'catalogue'] as const)('%s that deletes stops', (name) => {
    for (const policy of ['delete', 'compact,delete', 'compact, delete']) {
      const [difference] = differences(name, {}, { 'cleanup.policy': policy });
      expect(difference).toEqual({ setting: 'cleanup.policy', found: policy, wanted: 'compact', severity: 'stops' });
    }
  });

  it.each(['optouts', 'changes'] as const)('%s that compacts stops', (name) => {
    const [difference] = differences(name, {}, { 'cleanup.policy': 'compact,delete' });
    expect(difference).toMatchObject({ setting: 'cleanup.policy', found: 'compact,delete', severity: 'stops' });
  });

  it.each([
    ['86400000', 'stops'],
    ['', 'stops'],
    ['7776000001', 'warns'],
    ['-1', 'warns'],
  ])('opt-outs kept for %s ms: %s', (found, severity) => {
    expect(differences('optouts', {}, { 'retention.ms': found })).toEqual([
      { setting: 'retention.ms', found, wanted: '7776000000', severity },
    ]);
  });

  it.each([
    ['state', 'max.compaction.lag.ms', '9223372036854775807'],
    ['state', 'segment.ms', '604800000'],
    ['optouts', 'unclean.leader.election.enable', 'true'],
    ['optouts', 'retention.bytes', '1073741824'],
    ['optouts', 'message.timestamp.type', 'CreateTime'],
  ] as const)('%s with %s at %s warns', (name, setting, found) => {
    const wanted: string | undefined = (TOPICS[name].settings as Record<string, string>)[setting];
    expect(differences(name, {}, { [setting]: found })).toEqual([{ setting, found, wanted, severity: 'warns' }]);
  });

  it('with less than three replicas, or one in sync, warns', () => {
    expect(differences('optouts', { replicas: 1 }, { 'min.insync.replicas': '1' })).toEqual([
      { setting: 'replication.factor', found: '1', wanted: 'at least 3', severity: 'warns' },
      { setting: 'min.insync.replicas', found: '1', wanted: 'at least 2', severity: 'warns' },
    ]);
  });

  it('with fewer replicas than configured warns', () => {
    const plan = planned('state', { replicas: 5, minInSyncReplicas: 3 });
    expect(compareTopic(plan, asPlanned('state')).map(describeDifference)).toEqual([
      'consent.state.v1: replication.factor is 3, wanted at least 5',
      'consent.state.v1: min.insync.replicas is 2, wanted at least 3',
    ]);
  });

  it('whose settings may not be read warns of each', () => {
    const found = { ...asPlanned('catalogue'), settings: {} };
    expect(compareTopic(planned('catalogue', {}), found).every(({ severity }) => severity === 'warns')).toBe(true);
    expect(compareTopic(planned('catalogue', {}), found).map(({ setting, found }) => [setting, found])).toEqual(
      [...Object.keys(TOPICS.catalogue.settings), 'min.insync.replicas'].map((setting) => [setting, 'unknown']),
    );
  });
});

describe('what an operator types to create a topic', () => {
  it('names partitions, replicas and every setting', () => {
    expect(creationCommand(planned('state', { replicas: 3, minInSyncReplicas: 2 }))).toBe(
      'kafka-topics --bootstrap-server <host:port> --create --topic consent.state.v1 --partitions 12 ' +
        '--replication-factor 3 --config cleanup.policy=compact --config unclean.leader.election.enable=false ' +
        '--config message.timestamp.type=LogAppendTime --config min.compaction.lag.ms=21600000 ' +
        '--config max.compaction.lag.ms=86400000 --config segment.ms=21600000 ' +
        '--config min.insync.replicas=2',
    );
  });

  it('leaves the number of replicas to the broker where none is configured', () => {
    expect(creationCommand(planned('optouts', {}))).not.toContain('replica');
  });
});
