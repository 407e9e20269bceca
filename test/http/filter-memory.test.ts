import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { afterEach, expect, it } from '@jest/globals';
import { newDataDirectory, removeDataDirectories } from '../faults/data-directory.js';
import { FULL, figure } from '../faults/full.js';
import { until } from '../faults/until.js';
import { registerAcme } from '../support/client.js';
import { killLaunched, launchService, type ServiceProcess } from '../support/process.js';
import { Filtering } from './support/filtering.js';

const LINES = FULL ? 1_000_000 : 100_000;
const WARM = LINES / 5;
/** What the service may hold more at the end than after a fifth of the way: its collector's moods, and no line. */
const GROWTH_MIB = 64;

afterEach(async () => {
  await killLaunched();
  removeDataDirectories();
});

function rssMib({ process: { pid } }: ServiceProcess): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1_024;
}

const lineOf = (n: number) => `{"ref":${n},"recipient":{"phone":"+39333${String(1_000_000 + n)}"}}\n`;

function pieceFrom(n: number): string {
  return Array.from({ length: 1_000 }, (_, index) => lineOf(n + index)).join('');
}

it(
  `${LINES} lines are filtered in the memory of some, and each is answered`,
  async () => {
    const service = await launchService(newDataDirectory());
    await registerAcme(service);
    const filtering = new Filtering(service);
    const sending = (async () => {
      for (let n = 0; n < LINES; n += 1_000) {
        if (!filtering.sending.write(pieceFrom(n))) await once(filtering.sending, 'drain');
      }
      filtering.sending.end();
    })();
    let answered = 0;
    let warmMib = 0;
    let mostMib = 0;
    for await (const line of createInterface({ input: await filtering.answer })) {
      if (!line.startsWith(`{"ref":${answered},"eligible":false`)) throw new Error(`out of order: ${line}`);
      answered += 1;
      if (answered === WARM) warmMib = rssMib(service);
      else if (answered % 5_000 === 0) mostMib = Math.max(mostMib, rssMib(service));
    }
    await sending;
    expect(answered).toBe(LINES);
    expect(mostMib - warmMib).toBeLessThan(GROWTH_MIB);
    figure(`filter: ${LINES} lines, ${warmMib.toFixed(0)} MiB after ${WARM}, at most ${mostMib.toFixed(0)} MiB`);
  },
  FULL ? 600_000 : 180_000,
);

it('who does not read is not read from, and gets every answer once he reads', async () => {
  const service = await launchService(newDataDirectory());
  await registerAcme(service);
  const filtering = new Filtering(service);
  const { sending } = filtering;
  const answer = await filtering.answer;
  const before = rssMib(service);
  let sent = 0;
  const writing = (async () => {
    for (; sent < LINES; sent += 1_000) if (!sending.write(pieceFrom(sent))) await once(sending, 'drain');
    sending.end();
  })();
  let looks = { taken: -1, same: 0 };
  await until('nothing more is taken', () => {
    const taken = (sending.socket?.bytesWritten ?? 0) - sending.writableLength;
    looks = taken === looks.taken ? { taken, same: looks.same + 1 } : { taken, same: 0 };
    return looks.same >= 25 ? true : undefined;
  });
  expect(sent).toBeLessThan(LINES);
  expect(rssMib(service) - before).toBeLessThan(GROWTH_MIB);
  let answered = 0;
  for await (const line of createInterface({ input: answer })) if (line.startsWith('{"ref":')) answered += 1;
  await writing;
  expect(answered).toBe(LINES);
});
