import { isReached, type Figure, type Goal } from './figure.js';
import { median } from './statistics.js';
import type { Machine } from './machine.js';

const HEAD = ['figure', 'measured', 'rounds from … to …', 'beside it', 'ratio', 'asked', ''];

/** The figures as a table of Markdown. */
export function tableOf(figures: readonly Figure[]): string {
  const rows = [HEAD, HEAD.map(() => '---'), ...figures.map(rowOf)];
  return rows.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function rowOf(figure: Figure): readonly string[] {
  const { what, unit, values, floor, ratios, goal } = figure;
  return [
    what,
    `**${shown(median(values))}** ${unit}`,
    `${shown(Math.min(...values))} … ${shown(Math.max(...values))}`,
    floor ? `${floor.what}: ${shown(median(floor.values))}` : '–',
    ratios ? median(ratios).toFixed(2) : '–',
    goal ? goalText(goal) : '–',
    verdict(isReached(figure)),
  ];
}

function goalText(goal: Goal): string {
  const limit = 'atLeast' in goal ? `≥ ${shown(goal.atLeast)}` : `≤ ${shown(goal.atMost)}`;
  return goal.of === 'ratio' ? `ratio ${limit}` : limit;
}

function verdict(reached: boolean | undefined): string {
  if (reached === undefined) return '';
  return reached ? 'reached' : 'missed';
}

/** A figure in one line, for whoever watches the run. */
export function lineOf(figure: Figure): string {
  const { what, unit, values, ratios } = figure;
  const ratio = ratios ? `, ratio ${median(ratios).toFixed(2)}` : '';
  return `${what}: ${shown(median(values))} ${unit}${ratio} ${verdict(isReached(figure))}`.trimEnd();
}

/** Three figures that count, thousands apart. */
export function shown(value: number): string {
  return value.toLocaleString('en-GB', { maximumSignificantDigits: 3 });
}

export function alsoOf(figures: readonly Figure[]): string {
  const lines = figures.flatMap(({ what, also }) => {
    const said = Object.entries(also).map(([name, value]) => `${name} ${shown(value)}`);
    return said.length === 0 ? [] : [`- ${what}: ${said.join(', ')}`];
  });
  return lines.join('\n');
}

export function machineText(machine: Machine): string {
  const { cpu, cores, memoryGb, kernel, fileSystem, loadBefore, node, sqlite, packages } = machine;
  const versions = Object.entries(packages).map(([name, version]) => `${name} ${version}`);
  return [
    `${cpu}, ${cores} cores, ${memoryGb} GB, ${kernel}, ${fileSystem}`,
    `load of the machine before the run ${loadBefore}`,
    `Node ${node}, SQLite ${sqlite}`,
    versions.join(', '),
  ].join('; ');
}
