import { describe, expect, it } from '@jest/globals';
import type { ConsentRevoked } from '#consent';
import { writeEvent, type EventMetadata } from '#event-store';
import { changesIn } from './changes.js';
import { Tellings } from './tellings.js';

const EVENT = '07fe7785-2676-8322-8452-68b0f1f0105e';
const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const TIME = '2026-05-20T09:58:00.250Z';
const METADATA: EventMetadata = {
  $correlationId: 'd3225feb-efa8-481c-bc30-b57185dbc79c',
  $causationId: 'c',
  commandId: 'c',
  actor: 'test',
  occurredAt: TIME,
  recordedAt: TIME,
  schema: 1,
};

async function headersOf(metadata: EventMetadata, linkedId?: string) {
  const data: ConsentRevoked['data'] = {
    ...{ businessId: 'acme', channels: ['*'], purposes: [], categories: ['*'] },
    ...{ method: 'api', occurredAt: TIME },
  };
  const written = writeEvent(EVENT, 'ConsentRevoked', data, metadata);
  const [change] = await changesIn([{ ...written, stream: 'consent-ada', revision: '0', position: 'ledger.1' }]);
  if (!change) throw new Error('the event is no change');
  const tellings = new Tellings({ ledgerId: 'ledger', publisherEpoch: 1 }, { partitionOf: () => 0 });
  return tellings.change('optouts', change, linkedId).record.headers;
}

describe('a change that is told', () => {
  it('carries the trace of the request that it came of, also under a linked key', async () => {
    const traced = { ...METADATA, traceparent: TRACE };
    expect((await headersOf(traced)).traceparent).toBe(TRACE);
    expect(await headersOf(traced, 'bob')).toMatchObject({ traceparent: TRACE, ce_partitionkey: 'bob' });
  });

  it('carries one made of the request where that had none, and none where there is no request', async () => {
    expect((await headersOf(METADATA)).traceparent).toBe('00-d3225febefa8481cbc30b57185dbc79c-07fe778526768322-00');
    expect(await headersOf({ ...METADATA, $correlationId: 'nobody' })).not.toHaveProperty('traceparent');
  });
});
