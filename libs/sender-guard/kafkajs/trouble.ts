import { KafkaJSProtocolError, KafkaJSSASLAuthenticationError } from 'kafkajs';
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
  const cause = innermost(error);
  if (cause instanceof KafkaJSSASLAuthenticationError) {
    return new SourceTrouble('refused', 'Kafka does not accept the credentials');
  }
  if (!(cause instanceof KafkaJSProtocolError)) return new SourceTrouble('away', 'no broker answers');
  if (cause.type === 'UNKNOWN_TOPIC_OR_PARTITION') return new SourceTrouble('missing', 'a topic is not there');
  if (REFUSALS.has(cause.type)) return new SourceTrouble('refused', `Kafka refuses with ${cause.type}`);
  return new SourceTrouble('away', `Kafka answers ${cause.type}`);
}

function innermost(error: unknown): unknown {
  for (let inner = error; ;) {
    const { cause } = (inner ?? {}) as { readonly cause?: unknown };
    if (cause === undefined) return inner;
    inner = cause;
  }
}
