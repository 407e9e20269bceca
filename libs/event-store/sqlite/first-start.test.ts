import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { workerUrl } from '#sqlite';

const THREADS = 2;
const DIRECTORIES = 400;

let place = '';
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'first-'));
});
afterEach(() => rmSync(place, { recursive: true }));

/** Locks one new directory after the other, each in the same instant as the other threads, and tells what came of it. */
const PROGRAM = `
  import { parentPort, workerData } from 'node:worker_threads';
  const { lockDataDirectory } = await import(workerData.module);
  const arrived = new Int32Array(workerData.arrived);
  let meetings = 0;
  const meet = () => {
    meetings += 1;
    Atomics.add(arrived, 0, 1);
    while (Atomics.load(arrived, 0) < meetings * ${THREADS});
  };
  const outcomes = [];
  for (let n = 0; n < ${DIRECTORIES}; n += 1) {
    let lock;
    meet();
    try {
      lock = lockDataDirectory(workerData.place + '/' + n);
      outcomes.push('holds it');
    } catch (error) {
      outcomes.push(error.message.replace(/process \\d+/, 'another process'));
    }
    meet();
    lock?.release();
  }
  parentPort.postMessage(outcomes);
`;

function outcomesOf(arrived: SharedArrayBuffer): Promise<readonly string[]> {
  const workerData = { place, arrived, module: workerUrl(import.meta.url, './data-directory.js').href };
  const thread = new Worker(new URL(`data:text/javascript,${encodeURIComponent(PROGRAM)}`), { workerData });
  return new Promise((resolve, reject) => thread.once('message', resolve).once('error', reject));
}

it('of two first starts at once one at most gets the directory, and the other is told that it is in use', async () => {
  const arrived = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  const [ours = [], theirs = []] = await Promise.all(Array.from({ length: THREADS }, () => outcomesOf(arrived)));
  const inUse = 'the data directory is in use by another process';
  expect([...new Set([...ours, ...theirs])].sort()).toEqual(['holds it', inUse]);
  expect(ours.filter((outcome, n) => outcome === 'holds it' && theirs[n] === outcome)).toEqual([]);
});
