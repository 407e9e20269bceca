import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { someEvent } from './harness-contract.js';
import { openSqliteStore, summaryOf, type NewEvent } from './index.js';

describe('a summary', () => {
  it('changes with any part of an event, and with its place in the stream', async () => {
    const [one, other] = [someEvent('1'), someEvent('2')];
    const digestOf = async (events: readonly NewEvent[], stream = 'consent-a') => {
      const dataDir = mkdtempSync(join(tmpdir(), 'digest-'));
      const store = await openSqliteStore({ dataDir, diskReserveMb: 0 });
      try {
        await store.append(stream, events, 'none');
        return (await summaryOf(store)).digest;
      } finally {
        await store.close();
        rmSync(dataDir, { recursive: true });
      }
    };
    const digests = [
      await digestOf([one, other]),
      await digestOf([other, one]),
      await digestOf([one]),
      await digestOf([one, other], 'consent-b'),
      await digestOf([one, { ...other, type: 'Other' }]),
      await digestOf([one, { ...other, metadata: Buffer.from('{}') }]),
      await digestOf([one, { ...other, data: Buffer.concat([other.data, other.metadata]), metadata: Buffer.of() }]),
    ];
    expect(new Set(digests).size).toBe(digests.length);
    expect(await digestOf([one, other])).toBe(digests[0]);
  });
});
