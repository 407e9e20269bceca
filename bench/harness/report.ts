import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isReached, measured, type Figure } from './figure.js';
import type { Machine } from './machine.js';
import type { BenchOptions } from './options.js';
import { alsoOf, machineText, tableOf } from './table.js';

export interface Report {
  readonly date: string;
  readonly options: BenchOptions;
  readonly machine: Machine;
  readonly figures: readonly Figure[];
}

const BEGIN = '<!-- bench:begin -->';
const END = '<!-- bench:end -->';

/** What is printed, and what stands between the markers of docs/performance.md. */
export function textOf({ date, options, machine, figures }: Report): string {
  const rounds = `Medians of ${options.rounds} interleaved rounds, ${date.slice(0, 10)}, on ${machineText(machine)}.`;
  return [rounds, tableOf(figures), 'In the same rounds:', alsoOf(figures)].join('\n\n');
}

/** Keeps the result: `<date>-<CPU>-<cores>-cores.json`, every round of every figure. Answers the file's name. */
export function writeResult(dir: string, report: Report): string {
  const { machine, date, figures } = report;
  const cpu = machine.cpu.toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
  const name = `${date.slice(0, 10)}-${cpu}-${machine.cores}-cores.json`;
  const judged = figures.map((figure) => ({ ...figure, measured: measured(figure), reached: isReached(figure) }));
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, name), `${JSON.stringify({ ...report, figures: judged }, undefined, 2)}\n`);
  return name;
}

/** Puts the text between the page's markers; throws where the page has none. */
export function updatePage(file: string, text: string): void {
  writeFileSync(file, between(readFileSync(file, 'utf8'), text));
}

export function between(page: string, text: string): string {
  const [begin, end] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`the page needs ${BEGIN} and ${END}, in this order`);
  return `${page.slice(0, begin + BEGIN.length)}\n\n${text}\n\n${page.slice(end)}`;
}
