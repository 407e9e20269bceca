import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { instantOf } from '#consent';
import { openSqliteStore, type EventStore, type NewEvent } from '#event-store';
import { writeAndSync } from '../floors/disk.js';
import type { Bench } from '../harness/bench.js';
import type { Figure } from '../harness/figure.js';
import { interleave, series, type Sample } from '../harness/rounds.js';
import { median, percentile, ratiosTo } from '../harness/statistics.js';
import { found } from '../seed/service.js';
import { SeedWriter } from '../seed/writer.js';

const WRITERS = { one: 1, many: 64 } as const;
const APPENDS = { one: 1_000, many: 10_000 } as const;
const GOALS = { one: 0.7, many: 3 } as const;

export type AppendSample = Sample & { readonly perSecond: number; readonly p99Ms: number };

/** Durable appends by the store alone, beside the same bytes written and synced in a plain file. */
export async function measureAppend(bench: Bench): Promise<readonly Figure[]> {
  const template = await templateOf(bench);
  const store = await openSqliteStore({ dataDir: join(bench.dir, 'append') });
  bench.own(() => store.close());
  const floor = (allocated: boolean) => async () => syncOneByOne(bench, template, allocated);
  const append = (writers: keyof typeof WRITERS) => () =>
    appendAtOnce(store, template, WRITERS[writers], bench.amount(APPENDS[writers]));
  const samples = await interleave(
    { file: floor(false), allocated: floor(true), one: append('one'), many: append('many') },
    bench.rounds('durable append', { warmUps: 1 }),
  );
  const { file, allocated } = samples;
  return (['one', 'many'] as const).map((writers) => figureOf(writers, samples[writers], file, allocated));
}

/** A grant as the service writes it, sealed part and all: the bytes that a durable append is about. */
export async function templateOf(bench: Bench): Promise<NewEvent> {
  const dataDir = join(bench.dir, 'template');
  await found(dataDir);
  const writer = await SeedWriter.open(dataDir);
  try {
    return (await writer.eventOf(0, 'grant', instantOf(Date.now()))).event;
  } finally {
    await writer.close();
  }
}

function figureOf(
  writers: keyof typeof WRITERS,
  samples: readonly AppendSample[],
  file: readonly AppendSample[],
  allocated: readonly AppendSample[],
): Figure {
  const values = series(samples, 'perSecond');
  const floors = series(file, 'perSecond');
  const hard = ratiosTo(series(allocated, 'perSecond'), values, 'rate');
  return {
    what: `durable append, ${WRITERS[writers]} writer${writers === 'one' ? '' : 's'}`,
    unit: 'a second',
    values,
    floor: { what: '`write` + `fdatasync`, plain file', values: floors },
    ratios: ratiosTo(floors, values, 'rate'),
    goal: { of: 'ratio', atLeast: GOALS[writers] },
    also: {
      'p99 in ms': median(series(samples, 'p99Ms')),
      'ratio to a plain file whose room was allocated before': median(hard),
    },
  };
}

function syncOneByOne(bench: Bench, { data, metadata }: NewEvent, allocated: boolean): AppendSample {
  const { perSecond, latenciesMs } = writeAndSync({
    file: join(bench.dir, 'floor.bin'),
    bytes: Buffer.concat([data, metadata]),
    times: bench.amount(APPENDS.one),
    allocated,
  });
  return { perSecond, p99Ms: percentile(latenciesMs, 0.99) };
}

/** Each event on a stream of its own, as the first word of a person is. */
export async function appendAtOnce(
  store: EventStore,
  template: NewEvent,
  writers: number,
  appends: number,
): Promise<AppendSample> {
  const latenciesMs = new Float64Array(appends);
  let next = 0;
  const writer = async () => {
    for (let n = next++; n < appends; n = next++) {
      const id = randomUUID();
      const began = performance.now();
      await store.append(`consent-${id}`, [{ ...template, id }], 'none');
      latenciesMs[n] = performance.now() - began;
    }
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: writers }, writer));
  return { perSecond: (appends * 1_000) / (performance.now() - began), p99Ms: percentile(latenciesMs, 0.99) };
}
