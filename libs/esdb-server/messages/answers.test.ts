import { describe, expect, it } from '@jest/globals';
import type shared from '@eventstore/db-client/generated/shared_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import fc from 'fast-check';
import { encoded } from '#protobuf';
import { encodeAppended, encodeWrongVersion } from './append.js';
import { expectation, revision, served } from './arbitraries-contract.js';
import { encodeBatchReply, type BatchOutcome } from './batch-append.js';
import { encodeCheckpoint, encodeEvent, encodeStreamNotFound, type ServedEvent } from './read-response.js';

/**
 * The client's generated definitions are the standard: what they write we must read, and they must read what we write.
 * fast-check prints the seed of a failure.
 */
describe('answers', () => {
  it('gives an event as it is, with its place and its id in either form', () => {
    const property = fc.property(served, fc.boolean(), (event, uuidBits) => {
      const read = streams.ReadResp.deserializeBinary(encodeEvent(event, { uuidBits })).getEvent();
      const recorded = read?.getEvent();
      const n = event.position?.split('.')[1] ?? '0';
      expect(recorded?.getId()?.hasStructured()).toBe(uuidBits);
      expect(Buffer.from(recorded?.getStreamIdentifier()?.getStreamName_asU8() ?? []).toString()).toBe(event.stream);
      expect(recorded?.getStreamRevision()).toBe(event.revision);
      expect([recorded?.getCommitPosition(), recorded?.getPreparePosition()]).toEqual([n, n]);
      expect(read?.hasCommitPosition() && read.getCommitPosition()).toBe(n);
      expect(recorded?.getMetadataMap().get('type')).toBe(event.type);
      expect(recorded?.getData_asU8()).toEqual(event.data);
      expect(recorded?.getCustomMetadata_asU8()).toEqual(event.metadata);
      if (!uuidBits) expect(recorded?.getId()?.getString()).toBe(event.id);
      else expect(bitsOf(recorded?.getId()?.getStructured())).toBe(BigInt(`0x${event.id.replaceAll('-', '')}`));
    });
    fc.assert(property);
  });

  it.each([
    ['{"a":1}', 'application/json'],
    ['7', 'application/json'],
    ['{"a":1', 'application/octet-stream'],
    ['', 'application/octet-stream'],
    [Buffer.from([0x22, 0xff, 0x22]), 'application/octet-stream'],
  ])('calls %s what it is', (data, expected) => {
    const read = recordedOf({ data: Buffer.from(data) });
    expect(read?.getMetadataMap().get('content-type')).toBe(expected);
  });

  it.each([
    ['{"recordedAt":"2026-01-02T03:04:05.678Z"}', '17673230456780000'],
    ['{"recordedAt":"some day"}', '0'],
    ['{"recordedAt":7}', '0'],
    ['no JSON', '0'],
  ])('tells from %s when it was recorded', (metadata, ticks) => {
    expect(
      recordedOf({ metadata: Buffer.from(metadata) })
        ?.getMetadataMap()
        .get('created'),
    ).toBe(ticks);
  });

  it('says where an append has come to, or why not, with both arms set', () => {
    const success = streams.AppendResp.deserializeBinary(encodeAppended({ revision: 4, n: 9 })).getSuccess();
    expect([success?.getCurrentRevision(), success?.getPosition()?.getCommitPosition()]).toEqual(['4', '9']);
    const without = streams.AppendResp.deserializeBinary(encodeAppended({ revision: 0, n: undefined })).getSuccess();
    expect([without?.getCurrentRevision(), without?.hasNoPosition()]).toEqual(['0', true]);
    const property = fc.property(expectation, fc.option(revision, { nil: undefined }), (expected, actual) => {
      const wrong = streams.AppendResp.deserializeBinary(
        encodeWrongVersion({ expected, actual }),
      ).getWrongExpectedVersion();
      expect(wrong?.hasCurrentNoStream()).toBe(actual === undefined);
      if (actual !== undefined) expect(wrong?.getCurrentRevision()).toBe(String(actual));
      const arms = [
        wrong?.hasExpectedRevision(),
        wrong?.hasExpectedAny(),
        wrong?.hasExpectedStreamExists(),
        wrong?.hasExpectedNoStream(),
      ];
      expect(arms.filter(Boolean)).toHaveLength(1);
      if (typeof expected === 'number') expect(wrong?.getExpectedRevision()).toBe(String(expected));
    });
    fc.assert(property);
  });

  it.each<[BatchOutcome, number, string]>([
    [{ is: 'wrong-version', expected: 3, actual: 5 }, 6, 'WrongExpectedVersion'],
    [{ is: 'stream-deleted' }, 5, 'StreamDeleted'],
    [{ is: 'access-denied' }, 7, 'AccessDenied'],
    [{ is: 'timeout' }, 4, 'Timeout'],
    [{ is: 'unknown' }, 2, 'Unknown'],
    [{ is: 'too-large', limitBytes: 10 }, 3, 'MaximumAppendSizeExceeded'],
    [{ is: 'bad-request', message: 'no' }, 3, 'BadRequest'],
  ])('answers %j in a batch with its code and one detail', (outcome, code, name) => {
    const correlation = encoded((uuid) => uuid.string(2, 'c'));
    const reply = streams.BatchAppendResp.deserializeBinary(encodeBatchReply(correlation, 'some-1', outcome));
    expect(reply.getCorrelationId()?.getString()).toBe('c');
    expect(Buffer.from(reply.getStreamIdentifier()?.getStreamName_asU8() ?? []).toString()).toBe('some-1');
    expect(reply.getError()?.getCode()).toBe(code);
    expect(reply.getError()?.getDetails()?.getTypeName()).toBe(`event_store.client.${name}`);
  });

  it('tells a checkpoint and a missing stream', () => {
    const checkpoint = streams.ReadResp.deserializeBinary(encodeCheckpoint(12)).getCheckpoint();
    expect([checkpoint?.getCommitPosition(), checkpoint?.getPreparePosition()]).toEqual(['12', '12']);
    const missing = streams.ReadResp.deserializeBinary(encodeStreamNotFound('no-1')).getStreamNotFound();
    expect(Buffer.from(missing?.getStreamIdentifier()?.getStreamName_asU8() ?? []).toString()).toBe('no-1');
  });
});

type Structured = InstanceType<typeof shared.UUID.Structured>;

function bitsOf(message: Structured | undefined): bigint {
  const [most, least] = [message?.getMostSignificantBits(), message?.getLeastSignificantBits()];
  return (BigInt.asUintN(64, BigInt(most ?? 0)) << 64n) | BigInt.asUintN(64, BigInt(least ?? 0));
}

function recordedOf(part: Partial<ServedEvent>) {
  const id = '00000000-0000-4000-8000-000000000001';
  const none = Buffer.alloc(0);
  const event = { id, type: 't', data: none, metadata: none, stream: 's', revision: '0', position: 'l.1', ...part };
  return streams.ReadResp.deserializeBinary(encodeEvent(event, { uuidBits: false }))
    .getEvent()
    ?.getEvent();
}
