import kafkajs from 'kafkajs';
import { Overdue } from './stopping.js';

// kafkajs spreads its errors into its exports, where Node does not find their names.
const {
  KafkaJSBrokerNotFound,
  KafkaJSConnectionError,
  KafkaJSMetadataNotLoaded,
  KafkaJSProtocolError,
  KafkaJSRequestTimeoutError,
  KafkaJSSASLAuthenticationError,
} = kafkajs;

/** What a failed call means for the next one. */
export type TroubleKind =
  /** The same producer sends the identical batch again. */
  | 'again'
  /** The same, over new connections: the old ones have gone silent. */
  | 'reconnect'
  /** The producer cannot go on; a new one sends the batch. */
  | 'renew'
  /** The broker will never take the batch as it is. */
  | 'refused'
  | 'topic-missing'
  | 'not-allowed';

export interface Trouble {
  readonly kind: TroubleKind;
  /** In plain words, without addresses. */
  readonly problem: string;
}

/** By Kafka's own names. The fatal ones of an idempotent producer are those after which its sequence is lost. */
const PROTOCOL: Readonly<Record<string, Trouble>> = {
  MESSAGE_TOO_LARGE: { kind: 'refused', problem: 'a record is larger than the topic takes' },
  RECORD_LIST_TOO_LARGE: { kind: 'refused', problem: 'a batch is larger than the topic takes' },
  OUT_OF_ORDER_SEQUENCE_NUMBER: { kind: 'renew', problem: 'the producer lost its place' },
  DUPLICATE_SEQUENCE_NUMBER: { kind: 'renew', problem: 'the producer lost its place' },
  UNKNOWN_PRODUCER_ID: { kind: 'renew', problem: 'the producer lost its place' },
  UNKNOWN_TOPIC_OR_PARTITION: { kind: 'topic-missing', problem: 'a topic is not there' },
  TOPIC_AUTHORIZATION_FAILED: { kind: 'not-allowed', problem: 'Kafka does not allow the use of a topic' },
  CLUSTER_AUTHORIZATION_FAILED: { kind: 'not-allowed', problem: 'Kafka does not allow this to the client' },
  GROUP_AUTHORIZATION_FAILED: { kind: 'not-allowed', problem: 'Kafka does not allow the use of a group' },
  NOT_ENOUGH_REPLICAS: { kind: 'again', problem: 'too few replicas are in sync' },
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: { kind: 'again', problem: 'too few replicas are in sync' },
  LEADER_NOT_AVAILABLE: { kind: 'again', problem: 'a partition has no leader' },
  NOT_LEADER_FOR_PARTITION: { kind: 'again', problem: 'a partition has no leader' },
  KAFKA_STORAGE_ERROR: { kind: 'again', problem: 'a broker cannot write to its disk' },
  REQUEST_TIMED_OUT: { kind: 'again', problem: 'a broker does not answer in time' },
};

/** Judges by the innermost cause: kafkajs wraps a lost connection into errors that call themselves final. */
export function troubleOf(error: unknown): Trouble {
  const cause = innermost(error);
  if (cause instanceof KafkaJSProtocolError) return PROTOCOL[cause.type] ?? otherAnswer(cause);
  if (cause instanceof KafkaJSRequestTimeoutError) {
    return { kind: 'reconnect', problem: 'a broker does not answer in time' };
  }
  if (cause instanceof KafkaJSSASLAuthenticationError) {
    return { kind: 'renew', problem: 'Kafka does not accept the credentials' };
  }
  if (cause instanceof Overdue) return { kind: 'renew', problem: 'a broker does not answer in time' };
  if (isAway(cause)) return { kind: 'again', problem: 'no broker can be reached' };
  return { kind: 'renew', problem: `the client failed (${cause instanceof Error ? cause.name : typeof cause})` };
}

function otherAnswer({ type, retriable }: { readonly type: string; readonly retriable: boolean }): Trouble {
  return { kind: retriable ? 'again' : 'renew', problem: `Kafka answers ${type}` };
}

function isAway(cause: unknown): boolean {
  return (
    cause instanceof KafkaJSConnectionError ||
    cause instanceof KafkaJSBrokerNotFound ||
    cause instanceof KafkaJSMetadataNotLoaded
  );
}

/** Also of the errors that bundle one for each topic: the first. */
function innermost(error: unknown): unknown {
  const { cause, errors } = Object(error) as { readonly cause?: unknown; readonly errors?: readonly unknown[] };
  const inner = cause ?? errors?.[0];
  return inner === undefined ? error : innermost(inner);
}
