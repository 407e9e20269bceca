import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import type { Bench } from '../harness/bench.js';
import { programOf, startHelper } from '../harness/child.js';
import type { Figure } from '../harness/figure.js';
import { cpuSecondsOf } from '../harness/proc.js';
import { interleave, series, type Sample } from '../harness/rounds.js';
import { median, ratiosTo } from '../harness/statistics.js';
import { BUSINESS, TOPIC, isEligible, phoneOf, shuffled, storyOf } from '../seed/people.js';
import type { Rig, Target } from './rig.js';

const LINES = 100_000;
const LINES_A_PIECE = 1_000;
/** The same as of the batch: a line is an item of it. */
const GOALS = { id: 250_000, phone: 150_000 } as const;

type FilterSample = Sample & { readonly perCpuSecond: number; readonly perSecond: number };

interface Audience {
  readonly pieces: readonly Buffer[];
  readonly eligible: number;
}

/** How many decisions a second of CPU yields where an audience is sent as one stream of lines. */
export async function measureFilter(bench: Bench, rig: Rig): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  for (const by of ['id', 'phone'] as const) {
    const audience = audienceOf(rig, by, bench.amount(LINES));
    const line = (await filtered(rig, audience, rig.key)).slice(0, 2_000).split('\n', 1)[0] as string;
    const { pid, said, stop } = await startHelper(programOf('bench/floors/streams/main.js'), { change: '{}', line });
    const bare = { pid, port: said as number };
    const { service, floor } = await interleave<'service' | 'floor', FilterSample>(
      {
        service: () => sampleOf(rig, audience, rig.key),
        floor: () => sampleOf(bare, audience),
      },
      bench.rounds(`filter by ${by}`, { warmUps: 1 }),
    );
    await stop();
    figures.push(figureOf(by, service, floor));
  }
  return figures;
}

function figureOf(by: 'id' | 'phone', service: readonly FilterSample[], floor: readonly FilterSample[]): Figure {
  const [values, floors] = [series(service, 'perCpuSecond'), series(floor, 'perCpuSecond')];
  return {
    what: `filter of ${LINES.toLocaleString('en')} lines by ${by}`,
    unit: 'decisions a CPU second',
    values,
    floor: { what: 'bare node:http answering each line with the same bytes', values: floors },
    ratios: ratiosTo(floors, values, 'rate'),
    goal: { of: 'value', atLeast: GOALS[by] },
    also: { 'decisions a second': median(series(service, 'perSecond')) },
  };
}

function audienceOf(rig: Rig, by: 'id' | 'phone', lines: number): Audience {
  const people = Array.from({ length: lines }, (_, n) => shuffled(n % rig.people, rig.people));
  const lineOf = (person: number) =>
    JSON.stringify({ recipient: by === 'id' ? { recipientId: rig.recipientIds[person] } : { phone: phoneOf(person) } });
  const pieces: Buffer[] = [];
  for (let from = 0; from < lines; from += LINES_A_PIECE) {
    const some = people.slice(from, from + LINES_A_PIECE);
    pieces.push(Buffer.from(some.map((person) => `${lineOf(person)}\n`).join('')));
  }
  return { pieces, eligible: people.filter((person) => isEligible(storyOf(person))).length };
}

async function sampleOf(target: Target, audience: Audience, key?: string): Promise<FilterSample> {
  const before = cpuSecondsOf(target.pid);
  const began = performance.now();
  const text = await filtered(target, audience, key);
  const seconds = (performance.now() - began) / 1_000;
  const cpuSeconds = cpuSecondsOf(target.pid) - before;
  const lines = text.split('\n').length - 1;
  if (key !== undefined) accept(text, audience);
  return { perCpuSecond: lines / cpuSeconds, perSecond: lines / seconds };
}

function accept(text: string, { eligible }: Audience): void {
  const yes = text.split('"eligible":true').length - 1;
  if (yes !== eligible) throw new Error(`an audience was answered wrongly: ${yes} yes instead of ${eligible}`);
}

async function filtered({ port }: Target, { pieces }: Audience, key?: string): Promise<string> {
  const query = `channel=${TOPIC.channel}&purpose=${TOPIC.purpose}`;
  const path = key === undefined ? '/filter' : `/v1/businesses/${BUSINESS}/eligibility/filter?${query}`;
  const headers = { 'content-type': 'application/x-ndjson', authorization: `Bearer ${key ?? ''}` };
  const sending = request({ port, path, method: 'POST', headers, agent: false });
  const answered = once(sending, 'response') as Promise<[IncomingMessage]>;
  const writing = (async () => {
    for (const piece of pieces) if (!sending.write(piece)) await once(sending, 'drain');
    sending.end();
  })();
  const [response] = await answered;
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  await writing;
  if (response.statusCode !== 200) throw new Error(`a filter was answered ${response.statusCode}`);
  return Buffer.concat(chunks).toString('latin1');
}
