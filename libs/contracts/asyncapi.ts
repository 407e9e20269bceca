import { CATALOGUE_TYPE, CHANGE_TYPES, STATE_TYPE, WATERMARK_TYPE, SCHEMA_IDS } from './cloud-events.js';
import { INSTANT, POSITION, TEXT, object, type JsonSchema } from './schema-parts.js';
import { SCHEMAS, type RecordName } from './schemas.js';
import { TOPICS, type PlannedTopic, type TopicName } from './topics.js';
import { TRACEPARENT_PATTERN } from './traceparent.js';

interface Told {
  readonly record: RecordName;
  readonly key: string;
  readonly summary: string;
}

const TOLD: Readonly<Record<TopicName, Told>> = {
  optouts: {
    record: 'change',
    key: 'The recipient id.',
    summary: 'Opt-outs, erasures and links, also under the key of every linked recipient; ahead of everything else.',
  },
  changes: { record: 'change', key: 'The recipient id.', summary: 'Every event of every recipient.' },
  state: { record: 'state', key: 'The recipient id.', summary: 'The newest whole state of each recipient.' },
  watermarks: {
    record: 'watermark',
    key: 'The partition of the opt-out topic, in decimal.',
    summary: 'Every second, how far each partition of the opt-out topic is.',
  },
  catalogue: { record: 'catalogue', key: 'The business id.', summary: 'The newest register of each business.' },
};

const TYPES: Readonly<Record<RecordName, readonly string[]>> = {
  change: Object.values(CHANGE_TYPES),
  state: [STATE_TYPE],
  catalogue: [CATALOGUE_TYPE],
  watermark: [WATERMARK_TYPE],
};

const NAMES = Object.keys(TOPICS) as readonly TopicName[];

/** The AsyncAPI 3 document of the topics, made from the plan by which they are created and from the schemas. */
export function asyncApiDocument() {
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Consent Ledger on Kafka',
      version: '1.0.0',
      description:
        'What Consent Ledger tells other services. docs/kafka.md explains how to read it without ever taking a doubt for a yes.',
      license: { name: 'Apache-2.0', url: 'https://www.apache.org/licenses/LICENSE-2.0' },
    },
    defaultContentType: 'application/json',
    channels: Object.fromEntries(NAMES.map((name) => [name, channelOf(name, TOPICS[name])])),
    operations: Object.fromEntries(NAMES.map((name) => [`publish-${name}`, operationOf(name, TOLD[name])])),
    components: {
      messages: Object.fromEntries(NAMES.map((name) => [name, messageOf(TOLD[name])])),
      schemas: Object.fromEntries(Object.entries(SCHEMAS).map(([name, schema]) => [name, embedded(schema)])),
    },
  };
}

function channelOf(name: TopicName, { topic, partitions, settings }: PlannedTopic) {
  return {
    address: topic,
    summary: TOLD[name].summary,
    messages: { [name]: { $ref: `#/components/messages/${name}` } },
    bindings: { kafka: { topic, partitions, topicConfiguration: configurationOf(settings), bindingVersion: '0.5.0' } },
  };
}

/** The binding wants the clean-up policies as a list and numbers as numbers. */
function configurationOf(settings: Readonly<Record<string, string>>) {
  const entries = Object.entries(settings).map(([name, value]) => {
    if (name === 'cleanup.policy') return [name, value.split(',')];
    return [name, /^-?\d+$/.test(value) ? Number(value) : value];
  });
  return Object.fromEntries(entries) as Readonly<Record<string, string | number | readonly string[]>>;
}

function operationOf(name: TopicName, { summary }: Told) {
  const channel = { $ref: `#/channels/${name}` };
  return { action: 'send', channel, summary, messages: [{ $ref: `#/channels/${name}/messages/${name}` }] };
}

function messageOf({ record, key, summary }: Told) {
  return {
    name: record,
    summary,
    contentType: 'application/json',
    headers: headersSchema(record),
    payload: { $ref: `#/components/schemas/${record}` },
    bindings: { kafka: { key: { type: 'string', description: key }, bindingVersion: '0.5.0' } },
  };
}

/** CloudEvents 1.0 in Kafka's binary mode, as `headersOf` writes it. */
export function headersSchema(record: RecordName): JsonSchema {
  const revision = { ce_streamrevision: { ...TEXT, description: "The event's place in its stream." } };
  const trace = {
    traceparent: { ...TEXT, pattern: TRACEPARENT_PATTERN, description: 'Of the request that it came of.' },
  };
  return object(
    {
      ce_specversion: { const: '1.0' },
      ce_id: { ...TEXT, minLength: 1 },
      ce_source: { ...TEXT, pattern: '^/consent-ledger/[A-Za-z0-9_-]{1,64}$' },
      ce_type: { ...TEXT, enum: TYPES[record] },
      ce_subject: { ...TEXT, minLength: 1 },
      ce_time: INSTANT,
      ce_dataschema: { const: SCHEMA_IDS[record] },
      'content-type': { const: 'application/json' },
      ce_partitionkey: { ...TEXT, minLength: 1, description: "The record's key." },
      ce_ledgerposition: POSITION,
      publisherepoch: { ...TEXT, pattern: '^\\d{1,15}$', description: "Of the publisher's lease." },
      ...(record === 'change' ? revision : {}),
    },
    record === 'change' ? trace : {},
  );
}

/** AsyncAPI names a schema by its place; its own dialect is draft 7, which calls `dependentRequired` `dependencies`. */
function embedded({ $schema: _dialect, $id: _id, ...schema }: JsonSchema): JsonSchema {
  return inDraft7(schema) as JsonSchema;
}

function inDraft7(part: unknown): unknown {
  if (Array.isArray(part)) return part.map(inDraft7);
  if (typeof part !== 'object' || part === null) return part;
  const members = Object.entries(part).map(([name, member]) => [
    name === 'dependentRequired' ? 'dependencies' : name,
    inDraft7(member),
  ]);
  return Object.fromEntries(members) as JsonSchema;
}
