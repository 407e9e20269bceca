import { describe, expect, it } from '@jest/globals';
import shared from '@eventstore/db-client/generated/shared_pb.js';
import status from '@eventstore/db-client/generated/status_pb.js';
import streams from '@eventstore/db-client/generated/streams_pb.js';
import fc from 'fast-check';
import wellKnown from 'google-protobuf/google/protobuf/any_pb.js';
import empty from 'google-protobuf/google/protobuf/empty_pb.js';
import { appendMessages, readAnswer, type AppendAnswer } from './append-messages.js';
import { allRead, eventOf, placeOf, streamRead } from './read-messages.js';

/** The generated classes of the official client are the judge of what we write and the author of what we read. */

const position = fc.integer({ min: 0, max: 10 ** 15 - 1 });
const bytes = fc.uint8Array({ maxLength: 300 });
const uuid = fc.uuid();

const wireEvent = fc.record({
  id: uuid,
  type: fc.string({ minLength: 1 }),
  data: bytes,
  metadata: bytes,
  stream: fc.string({ minLength: 1, unit: 'grapheme' }),
  revision: position,
  n: position,
});

function recordedOf(event: typeof wireEvent extends fc.Arbitrary<infer T> ? T : never) {
  const recorded = new streams.ReadResp.ReadEvent.RecordedEvent();
  recorded.setId(new shared.UUID().setString(event.id));
  recorded.setStreamIdentifier(new shared.StreamIdentifier().setStreamName(Buffer.from(event.stream)));
  recorded.setStreamRevision(String(event.revision));
  recorded.setPreparePosition(String(event.n)).setCommitPosition(String(event.n));
  recorded.getMetadataMap().set('created', '17000000000000000');
  recorded.getMetadataMap().set('content-type', 'application/json');
  recorded.getMetadataMap().set('type', event.type);
  return recorded.setCustomMetadata(event.metadata).setData(event.data);
}

const bufferOf = (message: { serializeBinary(): Uint8Array }) => Buffer.from(message.serializeBinary());

describe('what the server sends', () => {
  it('is read as it was recorded, with its place', () => {
    fc.assert(
      fc.property(wireEvent, (event) => {
        const read = new streams.ReadResp.ReadEvent().setEvent(recordedOf(event)).setCommitPosition(String(event.n));
        const answer = bufferOf(new streams.ReadResp().setEvent(read));
        const found = eventOf(answer);
        expect({ ...found, data: [...(found?.data ?? [])], metadata: [...(found?.metadata ?? [])] }).toEqual({
          ...event,
          data: [...event.data],
          metadata: [...event.metadata],
        });
        expect(placeOf(answer)).toBe(event.n);
      }),
    );
  });

  it('holds no event where it confirms, marks a place or misses a stream', () => {
    const answers = [
      new streams.ReadResp().setConfirmation(
        new streams.ReadResp.SubscriptionConfirmation().setSubscriptionId('00000000-0000-4000-8000-000000000000'),
      ),
      new streams.ReadResp().setCheckpoint(new streams.ReadResp.Checkpoint().setCommitPosition('7')),
      new streams.ReadResp().setStreamNotFound(new streams.ReadResp.StreamNotFound()),
      new streams.ReadResp().setCaughtUp(new streams.ReadResp.CaughtUp()),
      new streams.ReadResp().setLastStreamPosition('12'),
    ].map(bufferOf);
    expect(answers.map((answer) => [eventOf(answer), placeOf(answer)])).toEqual(
      answers.map(() => [undefined, undefined]),
    );
  });

  it('is refused where it ends in the middle of a field', () => {
    fc.assert(
      fc.property(wireEvent, fc.double({ min: 0.01, max: 0.99, noNaN: true }), (event, share) => {
        const whole = bufferOf(
          new streams.ReadResp().setEvent(new streams.ReadResp.ReadEvent().setEvent(recordedOf(event))),
        );
        expect(() => eventOf(whole.subarray(0, Math.max(1, Math.floor(whole.length * share))))).toThrow(RangeError);
      }),
    );
  });
});

describe('what the server is asked for', () => {
  const optionsOf = (request: Buffer) => streams.ReadReq.deserializeBinary(request).getOptions();

  it('a stream, from a revision or either end', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), position, fc.boolean(), position, (stream, from, backwards, count) => {
        const options = optionsOf(streamRead({ stream, from, backwards, count }));
        const place = options?.getStream();
        expect(Buffer.from(place?.getStreamIdentifier()?.getStreamName_asU8() ?? []).toString()).toBe(stream);
        expect([place?.getRevision(), options?.getCount()]).toEqual([String(from), String(count)]);
        expect([options?.getReadDirection(), options?.hasNoFilter()]).toEqual([backwards ? 1 : 0, true]);
        expect(options?.getUuidOption()?.hasString()).toBe(true);
      }),
    );
    expect(
      optionsOf(streamRead({ stream: 'a', from: 'start', backwards: false, count: 1 }))
        ?.getStream()
        ?.hasStart(),
    ).toBe(true);
    expect(
      optionsOf(streamRead({ stream: 'a', from: 'end', backwards: true, count: 1 }))
        ?.getStream()
        ?.hasEnd(),
    ).toBe(true);
  });

  it('the whole ledger, filtered by the names of streams', () => {
    const some = optionsOf(allRead({ from: 41, prefixes: ['consent-', 'business-'], count: 501 }));
    expect([some?.getAll()?.getPosition()?.getCommitPosition(), some?.getCount()]).toEqual(['41', '501']);
    expect(some?.getFilter()?.getStreamIdentifier()?.getPrefixList()).toEqual(['consent-', 'business-']);
    expect(some?.getFilter()?.getMax()).toBeGreaterThan(501);
    const all = optionsOf(allRead({ from: 'end', prefixes: [] }));
    expect([all?.hasSubscription(), all?.hasCount(), all?.getAll()?.hasEnd()]).toEqual([true, false, true]);
    const pattern = new RegExp(all?.getFilter()?.getStreamIdentifier()?.getRegex() ?? '');
    expect(['consent-a', '$$consent-a', '$stats-1'].map((name) => pattern.test(name))).toEqual([true, false, false]);
  });
});

describe('an append', () => {
  const read = (message: Buffer) => streams.BatchAppendReq.deserializeBinary(message);

  it('carries every byte as it was given', () => {
    const event = fc.record({ id: uuid, type: fc.string({ minLength: 1 }), data: bytes, metadata: bytes });
    fc.assert(
      fc.property(fc.array(event, { minLength: 1, maxLength: 4 }), (events) => {
        const [message = Buffer.alloc(0)] = appendMessages(7, { stream: 'consent-ä', expected: '12', events });
        const request = read(message);
        const options = request.getOptions();
        expect(Buffer.from(options?.getStreamIdentifier()?.getStreamName_asU8() ?? []).toString()).toBe('consent-ä');
        expect([options?.getStreamPosition(), request.getIsFinal()]).toEqual(['12', true]);
        const carried = request.getProposedMessagesList().map((one) => ({
          id: one.getId()?.getString(),
          type: one.getMetadataMap().get('type'),
          data: [...one.getData_asU8()],
          metadata: [...one.getCustomMetadata_asU8()],
        }));
        expect(carried).toEqual(
          events.map(({ id, type, data, metadata }) => ({ id, type, data: [...data], metadata: [...metadata] })),
        );
      }),
    );
  });

  it('says what is expected, and calls JSON what others can parse', () => {
    const one = (text: string) => ({ id: '', type: 'T', data: Buffer.from(text, 'latin1'), metadata: Buffer.alloc(0) });
    const events = ['{"a": 1}', 'no json', '\xff', ''].map(one);
    const [first = Buffer.alloc(0)] = appendMessages(1, { stream: 's', expected: 'none', events });
    expect(read(first).getOptions()?.hasNoStream()).toBe(true);
    const kinds = read(first)
      .getProposedMessagesList()
      .map((event) => event.getMetadataMap().get('content-type'));
    expect(kinds).toEqual(['application/json', ...Array.from({ length: 3 }, () => 'application/octet-stream')]);
    const [any = Buffer.alloc(0)] = appendMessages(1, { stream: 's', expected: 'any', events });
    expect(read(any).getOptions()?.hasAny()).toBe(true);
  });

  it('is cut into messages that servers take, of which the last ends it and the first alone has options', () => {
    const large = { id: '', type: 'T', data: Buffer.alloc(2_000_000), metadata: Buffer.alloc(0) };
    const messages = appendMessages(3, { stream: 's', expected: 'any', events: [large, large, large] }).map(read);
    expect(messages.map((one) => [one.hasOptions(), one.getIsFinal(), one.getProposedMessagesList().length])).toEqual([
      [true, false, 1],
      [false, false, 1],
      [false, true, 1],
    ]);
    expect(new Set(messages.map((one) => one.getCorrelationId()?.getString())).size).toBe(1);
  });

  function correlationSent(correlation: number): shared.UUID {
    const [message = Buffer.alloc(0)] = appendMessages(correlation, { stream: 's', expected: 'any', events: [] });
    return read(message).getCorrelationId() ?? new shared.UUID();
  }

  it('is known again by its number, as text and as two halves', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 40 }), (correlation) => {
        const sent = correlationSent(correlation);
        const digits = sent.getString().replaceAll('-', '');
        const halves = new shared.UUID.Structured()
          .setMostSignificantBits(BigInt.asIntN(64, BigInt(`0x${digits.slice(0, 16)}`)).toString())
          .setLeastSignificantBits(BigInt(`0x${digits.slice(16)}`).toString());
        for (const id of [sent, new shared.UUID().setStructured(halves)]) {
          expect(readAnswer(bufferOf(new streams.BatchAppendResp().setCorrelationId(id))).correlation).toBe(
            correlation,
          );
        }
      }),
    );
  });
});

describe('the answer to an append', () => {
  const answerOf = (response: streams.BatchAppendResp) => readAnswer(bufferOf(response)).answer;

  function refusal(name: string, details: { serializeBinary(): Uint8Array }): AppendAnswer {
    const any = new wellKnown.Any();
    any.pack(details.serializeBinary(), name);
    return answerOf(new streams.BatchAppendResp().setError(new status.Status().setDetails(any)));
  }

  it('names revision and place', () => {
    const success = new streams.BatchAppendResp.Success()
      .setCurrentRevision('41')
      .setPosition(new shared.AllStreamPosition().setCommitPosition('99').setPreparePosition('99'));
    expect(answerOf(new streams.BatchAppendResp().setSuccess(success))).toEqual({
      kind: 'appended',
      revision: 41,
      n: 99,
    });
  });

  it.each([
    ['no position', new streams.BatchAppendResp.Success().setNoPosition(new empty.Empty())],
    [
      'a position of -1',
      new streams.BatchAppendResp.Success().setPosition(
        new shared.AllStreamPosition().setCommitPosition('18446744073709551615'),
      ),
    ],
  ])('may know %s', (_what, success) => {
    const answer = answerOf(new streams.BatchAppendResp().setSuccess(success.setCurrentRevision('3')));
    expect(answer).toEqual({ kind: 'appended', revision: 3, n: undefined });
  });

  it('names the actual revision of a conflict', () => {
    const type = 'event_store.client.WrongExpectedVersion';
    const at = new shared.WrongExpectedVersion().setCurrentStreamRevision('0');
    const none = new shared.WrongExpectedVersion().setCurrentNoStream(new empty.Empty());
    expect(refusal(type, at)).toEqual({ kind: 'conflict', actual: '0' });
    expect(refusal(type, none)).toEqual({ kind: 'conflict', actual: 'none' });
  });

  it('names the limit', () => {
    const details = new shared.MaximumAppendSizeExceeded().setMaxappendsize(1_048_576);
    const answer = refusal('event_store.client.MaximumAppendSizeExceeded', details);
    expect(answer).toEqual({ kind: 'too large', limitBytes: 1_048_576 });
  });

  it.each([
    ['event_store.client.StreamDeleted', new shared.StreamDeleted(), 'deleted', false],
    ['event_store.client.AccessDenied', new shared.AccessDenied(), 'denied', false],
    ['event_store.client.BadRequest', new shared.BadRequest(), 'refused', false],
    ['event_store.client.Timeout', new shared.Timeout(), 'busy', true],
    ['event_store.client.Unknown', new shared.Unknown(), 'broken', true],
    ['google.protobuf.Empty', new empty.Empty(), 'busy', true],
  ])('%s is told as what helps', (name, details, kind, passes) => {
    expect(refusal(name, details)).toMatchObject({ kind: 'failed', failure: { kind, passes } });
  });

  it('is a failure where it says nothing', () => {
    expect(answerOf(new streams.BatchAppendResp())).toMatchObject({ kind: 'failed', failure: { kind: 'broken' } });
  });
});
