import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openSqliteStore, writeEvent, type NewEvent } from '#event-store';
import { until } from '../faults/until.js';
import { startAudit, textOf } from './support.js';

const EVENTS = 24_000;
const PER_APPEND = 250;
/**
 * Of each event, so that all of them together are far more than the tool may hold, and than what waits to be tidied up
 * outside the heap where the machine is busy: V8 lets some 60 MB of that come together.
 */
const PADDING = 'x'.repeat(8_000);
const MEBIBYTE = 1024 * 1024;

/** Makes the tool say at its end, as the last line of stderr, how much memory it held at most, in KiB. */
const SAYS_ITS_PEAK = `data:text/javascript,import { writeSync } from 'node:fs'; process.on('exit', () => writeSync(2, 'peak ' + process.resourceUsage().maxRSS));`;

/** A small heap is tidied up early, so that its peak is what the tool holds and not what waits to be tidied up. */
const TIDY = '--max-old-space-size=64 --max-semi-space-size=2';

function eventOf(index: number): NewEvent {
  const id = `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`;
  const recordedAt = new Date(Date.UTC(2026, 4, 1) + index).toISOString();
  const trail = { $correlationId: id, $causationId: id, commandId: id, actor: 'test', schema: 1 };
  const facts = { businessId: 'acme', channel: 'whatsapp', sender: 'main', kind: 'message', occurredAt: recordedAt };
  const sealed = { v: 1, fields: { text: PADDING } };
  return writeEvent(id, 'UserMessaged', { ...facts, sealed }, { ...trail, occurredAt: recordedAt, recordedAt });
}

describe('a replay of a large ledger', () => {
  let dataDir: string;
  let end: string;
  const recipient = 'A'.repeat(43);

  beforeAll(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'consent-ledger-large-'));
    const store = await openSqliteStore({ dataDir, diskReserveMb: 1, maxAppendBytes: 4 * MEBIBYTE });
    for (let from = 0; from < EVENTS; from += PER_APPEND) {
      const events = Array.from({ length: PER_APPEND }, (_, index) => eventOf(from + index));
      await store.append(`conversation-${recipient}`, events, 'any');
    }
    end = await store.head();
    await store.close();
  });
  afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

  /** How many lines came, and the peak of memory in bytes. */
  const measured = async (...args: readonly string[]) => {
    const env = { NODE_OPTIONS: `${TIDY} --import="${SAYS_ITS_PEAK.replaceAll(' ', '%20')}"` };
    const { child, ended } = startAudit(['replay', '--data', dataDir, ...args], { env });
    const said = textOf(child.stderr);
    let lines = 0;
    for await (const chunk of child.stdout as AsyncIterable<Buffer>)
      lines += chunk.filter((byte) => byte === 10).length;
    expect(await ended).toEqual({ code: 0, signal: null });
    return { lines, peakBytes: Number(/peak (\d+)$/.exec(await said)?.[1]) * 1024 };
  };

  it('holds no more memory than that of a small part', async () => {
    const everything = await measured();
    const aPart = await measured(`--after=${end.replace(/\d+$/, String((EVENTS * 3) / 4))}`);
    const oneRecipient = await measured('--recipient', recipient, '--format', 'csv');
    expect([everything.lines, aPart.lines, oneRecipient.lines]).toEqual([EVENTS, EVENTS / 4, EVENTS + 1]);
    const threeQuarters = (EVENTS * PADDING.length * 3) / 4;
    expect(everything.peakBytes - aPart.peakBytes).toBeLessThan(threeQuarters / 2);
    expect(oneRecipient.peakBytes - aPart.peakBytes).toBeLessThan(threeQuarters / 2);
  });

  it('ends without a word where the reader has seen enough', async () => {
    const { child, ended } = startAudit(['replay', '--data', dataDir]);
    const said = textOf(child.stderr);
    child.stdout.once('data', () => child.stdout.destroy());
    expect(await ended).toEqual({ code: 0, signal: null });
    expect(await said).toBe('');
  });

  it('ends when it is told to, also while the reader stands still', async () => {
    const { child, ended } = startAudit(['replay', '--data', dataDir]);
    const said = textOf(child.stderr);
    await new Promise((resolve) => child.stdout.once('readable', resolve));
    child.kill('SIGINT');
    expect(await said).toBe('audit: interrupted: what was written so far is not the whole\n');
    child.stdout.resume();
    expect(await ended).toEqual({ code: 130, signal: null });
  });

  it('leaves no file that looks whole where it was interrupted', async () => {
    const out = mkdtempSync(join(tmpdir(), 'consent-ledger-large-'));
    const { child, ended } = startAudit(['replay', '--data', dataDir, '--out', join(out, 'replay.csv')]);
    await until('the tool begins to write', () => (readdirSync(out).length > 0 ? true : undefined));
    child.kill('SIGTERM');
    expect(await ended).toEqual({ code: 143, signal: null });
    expect(readdirSync(out)).toEqual([]);
    rmSync(out, { recursive: true });
  });
});
