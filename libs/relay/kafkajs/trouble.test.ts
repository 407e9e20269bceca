import { describe, expect, it } from '@jest/globals';
import {
  KafkaJSAggregateError,
  KafkaJSConnectionError,
  KafkaJSNonRetriableError,
  KafkaJSNumberOfRetriesExceeded,
  KafkaJSProtocolError,
  KafkaJSRequestTimeoutError,
} from 'kafkajs';
import { troubleOf } from './trouble.js';

function protocol(type: string, retriable: boolean): Error {
  return new KafkaJSProtocolError(Object.assign(new Error('said with 10.0.0.1:9092'), { type, code: 1, retriable }));
}

describe('what a failed call means', () => {
  it('is judged by the innermost cause, whatever the wrapping says', () => {
    const connection = new KafkaJSConnectionError('connect ECONNREFUSED 10.0.0.1:9092');
    const exceeded = new KafkaJSNumberOfRetriesExceeded(connection, { retryCount: 1, retryTime: 1 });
    const wrapped = Object.assign(new KafkaJSNonRetriableError(exceeded), { cause: exceeded });
    expect(troubleOf(wrapped)).toEqual({ kind: 'again', problem: 'no broker can be reached' });
  });

  it.each([
    ['OUT_OF_ORDER_SEQUENCE_NUMBER', false, 'renew'],
    ['DUPLICATE_SEQUENCE_NUMBER', false, 'renew'],
    ['UNKNOWN_PRODUCER_ID', false, 'renew'],
    ['MESSAGE_TOO_LARGE', false, 'refused'],
    ['UNKNOWN_TOPIC_OR_PARTITION', true, 'topic-missing'],
    ['NOT_ENOUGH_REPLICAS', true, 'again'],
    ['TOPIC_AUTHORIZATION_FAILED', false, 'not-allowed'],
    ['SOMETHING_NEW', true, 'again'],
    ['SOMETHING_ELSE', false, 'renew'],
  ])('of %s (retriable: %s): %s', (type, retriable, kind) => {
    expect(troubleOf(protocol(type, retriable)).kind).toBe(kind);
  });

  it('is a dead connection where nothing was answered, and a broken client where it is a mistake in the program', () => {
    const timeout = new KafkaJSRequestTimeoutError('timed out', {
      broker: '10.0.0.1:9092',
      correlationId: 1,
      createdAt: 0,
      sentAt: 0,
      clientId: 'relay',
      pendingDuration: 0,
    });
    expect(troubleOf(timeout).kind).toBe('reconnect');
    expect(troubleOf(new TypeError('of undefined'))).toEqual({
      kind: 'renew',
      problem: 'the client failed (TypeError)',
    });
    expect(troubleOf(undefined).kind).toBe('renew');
  });

  it('is taken from the first of several, and names no address', () => {
    const several = new KafkaJSAggregateError('topics', [protocol('INVALID_CONFIG', false)]);
    expect(troubleOf(several)).toEqual({ kind: 'renew', problem: 'Kafka answers INVALID_CONFIG' });
  });
});
