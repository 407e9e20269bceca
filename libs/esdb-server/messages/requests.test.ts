import { describe, expect, it } from '@jest/globals';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import fc from 'fast-check';
import { encoded, MalformedMessage } from '#protobuf';
import { decodeAppendRequest } from './append.js';
import { expectation, served, text } from './arbitraries-contract.js';
import { decodeBatchAppendRequest } from './batch-append.js';
import { decodeReadRequest } from './read-request.js';
import type { ServedEvent } from './read-response.js';
import { decodeTargetRequest, type Expectation } from './shared.js';

/**
 * The client's generated definitions are the standard: what they write we must read, and they must read what we write.
 * fast-check prints the seed of a failure.
 */
type OptionsOfTarget = InstanceType<typeof streams.AppendReq.Options>;

function identifier(stream: string) {
  const message = new shared.StreamIdentifier();
  message.setStreamName(Buffer.from(stream));
  return message;
}

function setExpectation(options: OptionsOfTarget, expected: Expectation): void {
  if (typeof expected === 'number') options.setRevision(String(expected));
  if (expected === 'none') options.setNoStream(new shared.Empty());
  if (expected === 'any') options.setAny(new shared.Empty());
  if (expected === 'exists') options.setStreamExists(new shared.Empty());
}

describe('requests', () => {
  it('reads what a client wants to append, and where', () => {
    const property = fc.property(text, expectation, served, fc.boolean(), (stream, expected, event, asBits) => {
      const options = new streams.AppendReq.Options();
      options.setStreamIdentifier(identifier(stream));
      setExpectation(options, expected);
      const head = new streams.AppendReq();
      head.setOptions(options);
      expect(decodeAppendRequest(Buffer.from(head.serializeBinary()))).toEqual({ target: { stream, expected } });

      const body = new streams.AppendReq();
      body.setProposedMessage(proposed(new streams.AppendReq.ProposedMessage(), event, asBits));
      const { id, type, data, metadata } = event;
      const read = decodeAppendRequest(Buffer.from(body.serializeBinary())).event;
      expect(read && plain(read)).toEqual(plain({ id, type, data, metadata }));
    });
    fc.assert(property);
  });

  it('reads a chunk of a batch', () => {
    const property = fc.property(text, fc.array(served, { maxLength: 4 }), fc.boolean(), (stream, events, isFinal) => {
      const options = new streams.BatchAppendReq.Options();
      options.setStreamIdentifier(identifier(stream));
      options.setStreamPosition('7');
      const request = new streams.BatchAppendReq();
      const correlation = new shared.UUID();
      correlation.setString('00000000-0000-4000-8000-000000000001');
      request.setCorrelationId(correlation);
      request.setOptions(options);
      request.setIsFinal(isFinal);
      for (const event of events) {
        request.addProposedMessages(proposed(new streams.BatchAppendReq.ProposedMessage(), event, false));
      }
      const read = decodeBatchAppendRequest(Buffer.from(request.serializeBinary()));
      expect(read.target).toEqual({ stream, expected: 7 });
      expect(read.isFinal).toBe(isFinal);
      expect(read.events.map(({ id }) => id)).toEqual(events.map(({ id }) => id));
      expect(new Uint8Array(read.correlation)).toEqual(correlation.serializeBinary());
    });
    fc.assert(property);
  });

  it.each([
    [6, { at: 3_500 }],
    [7, { within: 3_500 }],
  ])('reads the deadline of field %i: a time, or for newer clients a while', (field, deadline) => {
    const message = encoded((request) =>
      request.message(2, (options) => options.message(field, (time) => time.uint(1, 3).uint(2, 500_000_000))),
    );
    expect(decodeBatchAppendRequest(message).target?.deadline).toEqual(deadline);
  });

  it('reads whatever a client can ask to be read', () => {
    const options = new streams.ReadReq.Options();
    const all = new streams.ReadReq.Options.AllOptions();
    const position = new streams.ReadReq.Options.Position();
    position.setCommitPosition('18446744073709551615');
    position.setPreparePosition('18446744073709551615');
    all.setPosition(position);
    options.setAll(all);
    options.setReadDirection(streams.ReadReq.Options.ReadDirection.BACKWARDS);
    options.setSubscription(new streams.ReadReq.Options.SubscriptionOptions());
    const filter = new streams.ReadReq.Options.FilterOptions();
    const expression = new streams.ReadReq.Options.FilterOptions.Expression();
    expression.setPrefixList(['a', 'b']);
    filter.setEventType(expression);
    filter.setMax(10);
    filter.setCheckpointintervalmultiplier(3);
    options.setFilter(filter);
    const ids = new streams.ReadReq.Options.UUIDOption();
    ids.setStructured(new shared.Empty());
    options.setUuidOption(ids);
    const request = new streams.ReadReq();
    request.setOptions(options);
    expect(decodeReadRequest(Buffer.from(request.serializeBinary()))).toEqual({
      source: { is: 'all' },
      from: 2 ** 64,
      backwards: true,
      count: 'subscription',
      filter: { on: 'type', prefixes: ['a', 'b'], regex: '', checkpointInterval: 30 },
      uuidBits: true,
    });
  });

  it('refuses any other bytes, or reads them, and never does anything else', () => {
    const decoders = [decodeAppendRequest, decodeBatchAppendRequest, decodeReadRequest, decodeTargetRequest];
    const property = fc.property(fc.constantFrom(...decoders), fc.uint8Array({ maxLength: 100 }), (decode, noise) => {
      try {
        expect(decode(Buffer.from(noise))).toBeDefined();
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedMessage);
      }
    });
    fc.assert(property, { numRuns: 2_000 });
  });
});

type Proposed = InstanceType<typeof streams.AppendReq.ProposedMessage>;

function proposed<Message extends Proposed>(message: Message, event: ServedEvent, asBits: boolean): Message {
  const id = new shared.UUID();
  if (asBits) id.setStructured(structured(event.id));
  else id.setString(event.id);
  message.setId(id);
  message.getMetadataMap().set('type', event.type).set('content-type', 'application/json');
  message.setData(event.data);
  message.setCustomMetadata(event.metadata);
  return message;
}

function structured(id: string) {
  const bits = BigInt(`0x${id.replaceAll('-', '')}`);
  const message = new shared.UUID.Structured();
  message.setMostSignificantBits(String(BigInt.asIntN(64, bits >> 64n)));
  message.setLeastSignificantBits(String(BigInt.asIntN(64, bits)));
  return message;
}

/** Bytes are compared as bytes, whatever kind of array holds them. */
function plain(event: { id: string; type: string; data: Uint8Array; metadata: Uint8Array }) {
  return { ...event, data: [...event.data], metadata: [...event.metadata] };
}
