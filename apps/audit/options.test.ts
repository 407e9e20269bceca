import { describe, expect, it } from '@jest/globals';
import { readOptions, requireOne } from './options.js';

const OPTIONS = {
  stream: { value: 'NAME', many: true, help: '' },
  out: { value: 'FILE', help: '' },
  address: { help: '' },
} as const;

const read = (...args: readonly string[]) => readOptions(args, OPTIONS);

describe('options', () => {
  it('are read by name, in either way of writing', () => {
    const given = read('--stream', 'a', '--stream=b', '--out', '-x', '--address');
    expect(given.all('stream')).toEqual(['a', 'b']);
    expect(given.one('out')).toBe('-x');
    expect(given.has('address')).toBe(true);
    expect(read().has('address')).toBe(false);
    expect(requireOne(given, 'out', 'name a file')).toBe('-x');
  });

  it.each([
    [['--strem', 'a'], 'the option --strem is not known: see --help'],
    [['-x'], 'the option -x is not known: see --help'],
    [['--constructor', 'a'], 'the option --constructor is not known: see --help'],
    [['--stream'], '--stream needs a value: give it as --stream=NAME'],
    [['--stream='], '--stream needs a value: give it as --stream=NAME'],
    [['--stream', '--out', 'x'], '--stream needs a value: give it as --stream=NAME'],
    [['--out', 'x', '--out', 'y'], '--out is given twice: give it once'],
    [['--address=secret-word'], '--address takes no value: leave it away'],
  ])('%j is refused with the remedy', (args, message) => {
    expect(() => read(...args)).toThrow(message);
  });

  it.each([
    [['secret-word']],
    [['--address', 'secret-word']],
    [['--', 'secret-word']],
    [['--1secret-word']],
    [['--secret word']],
  ])('%j is refused without saying it again', (args) => {
    expect(() => read(...args)).toThrow(/--help/);
    expect(() => read(...args)).not.toThrow(/secret/);
  });

  it('say which one is missing', () => {
    expect(() => requireOne(read(), 'out', 'name a file')).toThrow('--out is missing: name a file');
  });
});
