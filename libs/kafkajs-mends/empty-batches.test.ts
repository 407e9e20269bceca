import { createRequire } from 'node:module';
import { expect, it } from '@jest/globals';
import { passOverEmptyBatches } from './empty-batches.js';

const requireKafkajs = createRequire(import.meta.url);
const DecoderOf = requireKafkajs('kafkajs/src/protocol/decoder') as new (bytes: Buffer) => object;
const decodeMessages = requireKafkajs('kafkajs/src/protocol/requests/fetch/v4/decodeMessages') as (
  decoder: object,
) => Promise<readonly { readonly offset: string; readonly isControlRecord: boolean }[]>;
const BatchOf = requireKafkajs('kafkajs/src/consumer/batch') as new (
  topic: string,
  fetchedOffset: string,
  data: object,
) => { readonly messages: readonly unknown[]; isEmptyDueToFiltering(): boolean; lastOffset(): string };

/** As the cleaner leaves it behind: offsets 1000 to 1006, a producer, no record. */
function emptyBatch(): Buffer {
  const batch = Buffer.alloc(61);
  batch.writeBigInt64BE(1_000n, 0);
  batch.writeInt32BE(49, 8);
  batch[16] = 2;
  batch.writeInt32BE(6, 23);
  batch.writeBigInt64BE(7n, 43);
  return batch;
}

async function fetched(): Promise<InstanceType<typeof BatchOf>> {
  const messages = emptyBatch();
  const size = Buffer.alloc(4);
  size.writeInt32BE(messages.length);
  const decoded = await decodeMessages(new DecoderOf(Buffer.concat([size, messages])));
  return new BatchOf('some', '1002', {
    partition: 0,
    highWatermark: '2000',
    messages: decoded,
    abortedTransactions: [],
  });
}

it('a batch that compaction has emptied brings kafkajs nothing, and is passed over once it is patched', async () => {
  expect((await fetched()).isEmptyDueToFiltering()).toBe(false);
  passOverEmptyBatches();
  passOverEmptyBatches();
  const batch = await fetched();
  expect(batch.messages).toEqual([]);
  expect([batch.isEmptyDueToFiltering(), batch.lastOffset()]).toEqual([true, '1006']);
});
