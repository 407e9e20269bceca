import { createHash, randomUUID } from 'node:crypto';
import type { Admin, Producer } from 'kafkajs';
import {
  EMPTY_STATE,
  fold,
  instantOf,
  type BusinessState,
  type ConsentEvent,
  type Instant,
  type RecipientState,
} from '#consent';
import {
  TOPICS,
  catalogueHeaders,
  catalogueRecordOf,
  changeHeaders,
  changeRecordOf,
  encode,
  stateHeaders,
  stateRecordOf,
  toldUnder,
  watermarkHeaders,
  watermarkKey,
  type ChangeRecord,
  type Headers,
} from '#contracts';
import { until } from '../../faults/until.js';
import type { Broker } from '../broker.js';
import { plainClient } from '../ready.js';

export const BUSINESS = 'acme';
export const LEDGER = 'ledger-1';
const PROVE_EVERY_MS = 200;
const ALL_TOPICS = Object.values(TOPICS);

export const REGISTER: BusinessState = {
  policy: {},
  senders: [{ senderId: 'shop', channel: 'whatsapp', provider: 'other', address: '' }],
  disclosures: [],
  purposes: [
    { purposeId: 'offers', category: 'marketing', title: '', requires: 'consent' },
    { purposeId: 'orders', category: 'utility', title: '', requires: 'no_objection' },
  ],
};

/** Some recipient id; the same name gives the same. */
export function idOf(name: string): string {
  return createHash('sha256').update(name).digest('base64url');
}

type Fact = ConsentEvent extends infer E ? (E extends ConsentEvent ? Omit<E['data'], 'businessId'> : never) : never;

/** Writes to the topics what a relay would, over a real broker, and keeps the ledger of it. */
export class TopicScene {
  private n = 0;
  private readonly states = new Map<string, RecipientState>();
  private proving: NodeJS.Timeout | undefined;
  private proof: Promise<void> = Promise.resolve();

  private constructor(
    private readonly admin: Admin,
    private readonly producer: Producer,
  ) {}

  static async open(broker: Broker): Promise<TopicScene> {
    const client = plainClient([...broker.brokers]);
    const scene = new TopicScene(client.admin(), client.producer({ allowAutoTopicCreation: false }));
    await scene.admin.connect();
    await scene.producer.connect();
    return scene;
  }

  /** Resolves once all of them take records. */
  async createTopics(): Promise<void> {
    const topics = ALL_TOPICS.map(({ topic, partitions }) => ({ topic, numPartitions: partitions }));
    await until('the topics are created', async () => {
      try {
        await this.admin.createTopics({ topics, waitForLeaders: true });
        for (const { topic } of topics) await this.admin.fetchTopicOffsets(topic);
        return true;
      } catch {
        return undefined;
      }
    });
  }

  /** Resolves once the broker knows none of them any more. */
  async deleteTopics(): Promise<void> {
    this.stopProving();
    await this.proof;
    await this.admin.deleteTopics({ topics: ALL_TOPICS.map(({ topic }) => topic) });
    await until('the topics are gone', async () => {
      const left = await this.admin.listTopics();
      return !ALL_TOPICS.some(({ topic }) => left.includes(topic)) || undefined;
    });
  }

  get position(): string {
    return `${LEDGER}.${this.n}`;
  }

  async register(businessId = BUSINESS, register = REGISTER): Promise<void> {
    const record = catalogueRecordOf(businessId, String(this.n), register);
    const headers = catalogueHeaders(record, { ...PUBLISHED, position: this.position, time: now() });
    await this.send(TOPICS.catalogue.topic, businessId, headers, encode(record));
  }

  /** Appends an event to the ledger of the scene, which tells nobody. */
  append(recipientId: string, type: ConsentEvent['type'], data: Partial<Fact> & { readonly occurredAt: Instant }) {
    this.n += 1;
    const event = { type, data: { businessId: BUSINESS, ...data } } as unknown as ConsentEvent;
    const origin = {
      eventId: randomUUID(),
      stream: `consent-${recipientId}`,
      revision: String(this.n),
      recordedAt: now(),
    };
    this.states.set(recipientId, fold(this.states.get(recipientId) ?? EMPTY_STATE, event, origin));
    return { position: this.position, record: changeRecordOf(event, origin, recipientId) };
  }

  /** Tells an appended event as an opt-out, under the key of `linked` too. */
  async tellOptOut(
    { position, record }: { readonly position: string; readonly record: ChangeRecord },
    linked: readonly string[] = [],
  ): Promise<void> {
    for (const told of [record, ...linked.map((id) => toldUnder(record, id))]) {
      const headers = changeHeaders(told, { ...PUBLISHED, position, streamRevision: '0' });
      await this.send(TOPICS.optouts.topic, told.recipientId, headers, encode(told));
    }
  }

  /** Publishes the state of a recipient as the ledger of the scene has it. */
  async tellState(recipientId: string): Promise<void> {
    const state = this.states.get(recipientId) ?? EMPTY_STATE;
    const record = stateRecordOf({ businessId: BUSINESS, recipientId, position: this.position, state });
    const headers = stateHeaders(record, { ...PUBLISHED, time: now() });
    await this.send(TOPICS.state.topic, recipientId, headers, encode(record));
  }

  /** Writes a watermark for each partition, true as of now. */
  async prove(time = now()): Promise<void> {
    const ends = await this.admin.fetchTopicOffsets(TOPICS.optouts.topic);
    const messages = ends.map(({ partition, high }) => {
      const record = { topic: TOPICS.optouts.topic, partition, position: this.position, time, offset: high };
      const headers = watermarkHeaders(record, PUBLISHED);
      return { key: watermarkKey(record), headers, value: Buffer.from(encode(record)) };
    });
    await this.producer.send({ topic: TOPICS.watermarks.topic, messages });
  }

  /** As the relay does, until `stopProving`; what fails while the broker is away is not repeated. */
  keepProving(): void {
    this.proving = setInterval(() => {
      this.proof = this.proof.then(() => this.prove()).catch(() => undefined);
    }, PROVE_EVERY_MS);
  }

  stopProving(): void {
    clearInterval(this.proving);
  }

  async send(topic: string, key: string, headers: Headers, value: Uint8Array | string): Promise<void> {
    await this.producer.send({ topic, messages: [{ key, headers: { ...headers }, value: Buffer.from(value) }] });
  }

  async close(): Promise<void> {
    this.stopProving();
    await this.proof;
    await Promise.allSettled([this.producer.disconnect(), this.admin.disconnect()]);
  }
}

const PUBLISHED = { ledgerId: LEDGER, publisherEpoch: 1 } as const;

function now(): Instant {
  return instantOf(Date.now());
}
