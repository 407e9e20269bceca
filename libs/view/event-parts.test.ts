import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { StoredEvent } from '#event-store';
import { EventParts, eventsOfPart } from './event-parts.js';
import { stop } from './sample-events.js';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'parts-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const stored = (recipientId: string, revision: number, dataBytes = 10): StoredEvent => ({
  ...stop(0),
  data: Buffer.alloc(dataBytes, revision),
  stream: `consent-${recipientId}`,
  revision: String(revision),
  position: '',
});

describe('events sorted into parts', () => {
  it('come back byte for byte in the order of the ledger, however large they are', () => {
    const parts = new EventParts(join(directory, 'parts'), 16);
    const sizes = [0, 1, 3_000_000, 700_000, 600_000, 5, 1_048_576, 524_288, 2];
    const events = sizes.map((bytes, revision) => stored('Recipient', revision, bytes));
    events.forEach((event) => parts.add('Recipient', event));
    parts.complete();
    const read = Array.from({ length: 16 }, (_, part) => [...eventsOfPart(parts.directory, part)]).flat();
    expect(read.map(({ revision, data }) => [revision, data.length])).toStrictEqual(
      events.map(({ revision, data }) => [revision, data.length]),
    );
    expect(read.every(({ data }, index) => Buffer.compare(data, events[index]!.data) === 0)).toBe(true);
    expect(read[0]).toMatchObject({ id: events[0]!.id, type: 'ConsentRevoked', stream: 'consent-Recipient' });
    parts.remove();
    expect(existsSync(join(directory, 'parts'))).toBe(false);
  });

  it('follow each other in the order in which ids sort, and none stays behind', () => {
    const parts = new EventParts(join(directory, 'parts'), 7);
    const ids = ['-a', '0Z', '9_', 'A-', 'Qq', 'Z0', '_x', 'ab', 'zz', 'z', '', 'é!'];
    ids.forEach((recipientId) => parts.add(recipientId, stored(recipientId, 0)));
    parts.complete();
    const streamsOf = (part: number) => [...eventsOfPart(parts.directory, part)].map(({ stream }) => stream.slice(8));
    const read = Array.from({ length: 7 }, (_, part) => streamsOf(part));
    expect(read.flat().sort()).toStrictEqual([...ids].sort());
    const regular = read.flatMap((part) => part.filter((id) => /^[\w-]{2}$/.test(id)).sort());
    expect(regular).toStrictEqual([...regular].sort());
  });
});
