export { openKafka, type OpenKafka } from './kafkajs/open.js';
export type { KafkaOptions, SaslOptions } from './kafkajs/client.js';
export * from './publisher.js';
