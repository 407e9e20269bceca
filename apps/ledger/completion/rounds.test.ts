import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openSqliteStore, type Ledger, type SqliteStore, type StoredEvent } from '#event-store';
import { keptInFile } from './kept-position.js';
import { Rounds, type RoundsOptions } from './rounds.js';

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await pause(2);
}

describe('rounds', () => {
  let dataDir: string;
  let store: SqliteStore;
  let rounds: Rounds | undefined;
  let seen: string[];
  let errors: unknown[];
  let failures: number;
  const kept = () => keptInFile(join(dataDir, 'kept'), store.ledgerId);

  beforeEach(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'consent-ledger-rounds-'));
    store = await openSqliteStore({ dataDir, diskReserveMb: 0 });
    [seen, errors, failures] = [[], [], 0];
  });
  afterEach(async () => {
    await rounds?.stop();
    await store.close();
    rmSync(dataDir, { recursive: true, force: true });
  });

  const start = (more: Partial<RoundsOptions> & { readonly store?: Ledger } = {}): Rounds => {
    rounds = new Rounds({
      ...{ store, prefixes: ['a-'], types: ['T'], kept: kept(), roundMs: 5, longestPauseMs: 20 },
      handle: async ({ stream, revision }: StoredEvent) => {
        if (failures-- > 0) throw new Error('not yet');
        seen.push(`${stream}@${revision}`);
      },
      onError: (error) => errors.push(error),
      monotonic: () => performance.now(),
      ...more,
    });
    return rounds;
  };
  let events = 0;
  const append = async (stream: string): Promise<void> => {
    const id = `00000000-0000-4000-8000-${String(events++).padStart(12, '0')}`;
    await store.append(stream, [{ id, type: 'T', data: Buffer.from('{}'), metadata: Buffer.from('{}') }], 'any');
  };

  it('hand over what is in the ledger and what comes to it, of their prefixes, in order, and say how far they are', async () => {
    await append('a-1');
    await append('b-1');
    await append('a-2');
    const running = start();
    expect(running.status()).toEqual({ lagMs: Infinity, caughtUp: false });
    await until(() => running.status().caughtUp);
    await append('a-1');
    await append('b-2');
    const head = await store.head();
    await until(() => running.status().position === head);
    expect(seen).toEqual(['a-1@0', 'a-2@0', 'a-1@1']);
    expect(running.status().lagMs).toBeLessThan(10_000);
  });

  it('go on where they were, and from the start where that is broken or of another ledger', async () => {
    await append('a-1');
    const first = start();
    await until(() => first.status().caughtUp);
    await first.stop();
    await append('a-2');
    const second = start();
    await until(() => second.status().caughtUp);
    await second.stop();
    expect(seen).toEqual(['a-1@0', 'a-2@0']);
    for (const text of ['another.3', 'nothing', '']) {
      writeFileSync(join(dataDir, 'kept'), text);
      seen.length = 0;
      const again = start();
      await until(() => again.status().caughtUp);
      await again.stop();
      expect(seen).toEqual(['a-1@0', 'a-2@0']);
    }
  });

  it('go on from the start where their place lies past the end of a ledger that lost its end', async () => {
    await append('a-1');
    await append('a-2');
    const lost = (await store.head()).replace(/\d+$/, (n) => String(Number(n) + 4));
    writeFileSync(join(dataDir, 'kept'), lost);
    const running = start();
    await until(() => running.status().caughtUp);
    for (let n = 0; n < 6; n += 1) await append('a-3');
    const head = await store.head();
    await until(() => running.status().position === head);
    expect(seen).toEqual(['a-1@0', 'a-2@0', ...[0, 1, 2, 3, 4, 5].map((n) => `a-3@${n}`)]);
  });

  it('try again what failed, and pass over nothing meanwhile', async () => {
    failures = 3;
    await append('a-1');
    await append('a-2');
    const running = start();
    await until(() => running.status().problem !== undefined);
    expect(running.status()).toMatchObject({ caughtUp: false });
    await until(() => running.status().caughtUp);
    expect(seen).toEqual(['a-1@0', 'a-2@0']);
    expect(errors).toHaveLength(3);
    expect(running.status()).not.toHaveProperty('problem');
  });

  it('leave to those who write elsewhere a round of time to finish', async () => {
    await append('a-1');
    const reader = await openSqliteStore({ dataDir, readOnly: true });
    try {
      let heads = 0;
      const head = reader.head.bind(reader);
      const counted = Object.assign(Object.create(reader) as typeof reader, { head: () => (heads++, head()) });
      const seenAt: number[] = [];
      start({ store: counted, handle: async () => void seenAt.push(heads) });
      await until(() => seenAt.length === 1);
      expect(seenAt).toEqual([2]);
      await rounds?.stop();
    } finally {
      await reader.close();
    }
  });

  it('stop between two events', async () => {
    for (let n = 0; n < 5; n += 1) await append('a-1');
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    const running = start({ handle: async ({ revision }) => (seen.push(revision), held) });
    await until(() => seen.length === 1);
    const stopped = running.stop();
    release();
    await stopped;
    expect(seen).toEqual(['0']);
    expect(kept().load(await store.head())).toBeUndefined();
  });
});
