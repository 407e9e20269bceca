import { describe, expect, it } from '@jest/globals';
import { isReached, measured, type Figure } from './figure.js';
import { between } from './report.js';
import { alsoOf, lineOf, shown, tableOf } from './table.js';

const CHECK: Figure = {
  what: 'check by id',
  unit: 'µs CPU a request',
  values: [30, 28, 32],
  floor: { what: 'bare node:http', values: [15, 14, 16] },
  ratios: [0.5, 0.5, 0.5],
  goal: { of: 'ratio', atLeast: 0.45 },
  also: { 'requests a second': 33_333 },
};

describe('a figure', () => {
  it('is held against its goal by its median', () => {
    expect(measured(CHECK)).toBe(0.5);
    expect(isReached(CHECK)).toBe(true);
    expect(isReached({ ...CHECK, goal: { of: 'value', atMost: 29 } })).toBe(false);
    expect(isReached({ ...CHECK, goal: { of: 'value', atLeast: 30 } })).toBe(true);
  });

  it('of which nothing is asked is neither reached nor missed', () => {
    const { goal: _goal, ...rest } = CHECK;
    expect(isReached(rest)).toBeUndefined();
    expect(tableOf([rest])).toContain('| – |  |');
  });
});

describe('the table', () => {
  it('shows the median, the spread, the floor, the ratio and the verdict', () => {
    expect(tableOf([CHECK]).split('\n').at(-1)).toBe(
      '| check by id | **30** µs CPU a request | 28 … 32 | bare node:http: 15 | 0.50 | ratio ≥ 0.45 | reached |',
    );
  });

  it('has a short form for whoever watches', () => {
    expect(lineOf(CHECK)).toBe('check by id: 30 µs CPU a request, ratio 0.50 reached');
  });

  it('tells what else was seen', () => {
    expect(alsoOf([CHECK])).toBe('- check by id: requests a second 33,300');
  });

  it('shows three figures that count', () => {
    expect([0.123456, 14.08, 152_345].map(shown)).toEqual(['0.123', '14.1', '152,000']);
  });
});

describe('the page', () => {
  it('is changed between its markers alone', () => {
    const page = 'before\n<!-- bench:begin -->\nold\n<!-- bench:end -->\nafter\n';
    const changed = between(page, 'new');
    expect(changed).toBe('before\n<!-- bench:begin -->\n\nnew\n\n<!-- bench:end -->\nafter\n');
    expect(between(changed, 'new')).toBe(changed);
  });

  it('must have its markers', () => {
    expect(() => between('no markers', 'new')).toThrow('bench:begin');
  });
});
