import { SourceTrouble } from '../source.js';

const REFUSALS = new Set([
  'TOPIC_AUTHORIZATION_FAILED',
  'GROUP_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'SASL_AUTHENTICATION_FAILED',
]);

/** By the innermost cause: kafkajs wraps a lost connection into errors that call themselves final. */
export function troubleOf(error: unknown): SourceTrouble {
  if (error instanceof SourceTrouble) return error;
  const { name, type = '' } = innermost(error);
  if (name === 'KafkaJSSASLAuthenticationError') {
    return new SourceTrouble('refused', 'Kafka does not accept the credentials');
  }
  if (name !== 'KafkaJSProtocolError') return new SourceTrouble('away', 'no broker answers');
  if (type === 'UNKNOWN_TOPIC_OR_PARTITION') return new SourceTrouble('missing', 'a topic is not there');
  if (REFUSALS.has(type)) return new SourceTrouble('refused', `Kafka refuses with ${type}`);
  return new SourceTrouble('away', `Kafka answers ${type}`);
}

/** kafkajs's errors by their names: as a CommonJS package it does not export the classes to an ES module. */
interface Cause {
  readonly name?: string;
  readonly type?: string;
  readonly cause?: unknown;
}

function innermost(error: unknown): Cause {
  for (let inner = (error ?? {}) as Cause; ;) {
    if (inner.cause === undefined || inner.cause === null) return inner;
    inner = inner.cause;
  }
}
