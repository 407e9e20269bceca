import { parseArgs } from 'node:util';
import { UsageError } from './failures.js';

export interface Option {
  /** What stands for the value in the help; absent where the option takes none. */
  readonly value?: string;
  /** May be given more than once. */
  readonly many?: true;
  readonly help: string;
}

export type Options = Readonly<Record<string, Option>>;

/** The values of a command's options, by name. */
export interface Given<N extends string = string> {
  has(name: N): boolean;
  one(name: N): string | undefined;
  all(name: N): readonly string[];
}

/** Throws `UsageError`, which never repeats a value: it may be what somebody took for the place of a phone number. */
export function readOptions<O extends Options>(args: readonly string[], options: O): Given<keyof O & string> {
  const config = Object.entries(options).map(([name, { value }]) => [name, { type: typeOf(value) }] as const);
  const { tokens } = parseArgs({ args: [...args], options: Object.fromEntries(config), strict: false, tokens: true });
  const values = new Map<string, string[]>();
  for (const token of tokens) {
    if (token.kind === 'positional') throw new UsageError(STRAY);
    if (token.kind === 'option') take(values, named(options, token.name), token);
  }
  return {
    has: (name) => values.has(name),
    one: (name) => values.get(name)?.[0],
    all: (name) => values.get(name) ?? [],
  };
}

const STRAY = 'an argument belongs to no option: every value follows its option, as in --stream NAME; see --help';

function typeOf(value: string | undefined): 'string' | 'boolean' {
  return value === undefined ? 'boolean' : 'string';
}

function named(options: Options, name: string): Option {
  const option = Object.hasOwn(options, name) ? options[name] : undefined;
  if (option === undefined) throw new UsageError(`${nameable(name)} is not known: see --help`);
  return option;
}

interface Token {
  readonly name: string;
  readonly value: string | undefined;
  readonly inlineValue: boolean | undefined;
}

function take(values: Map<string, string[]>, option: Option, { name, value, inlineValue }: Token): void {
  if (option.value === undefined && value !== undefined)
    throw new UsageError(`--${name} takes no value: leave it away`);
  const isMissing = value === undefined || value === '' || (!inlineValue && value.startsWith('--'));
  if (option.value !== undefined && isMissing) {
    throw new UsageError(`--${name} needs a value: give it as --${name}=${option.value}`);
  }
  const known = values.get(name);
  if (known !== undefined && !option.many) throw new UsageError(`--${name} is given twice: give it once`);
  values.set(name, [...(known ?? []), value ?? '']);
}

/** Only what has the shape of an option's name is said again. */
function nameable(name: string): string {
  return /^[a-z][a-z-]{0,30}$/i.test(name) ? `the option ${name.length === 1 ? '-' : '--'}${name}` : 'an option';
}

export function requireOne<N extends string>(given: Given<N>, name: NoInfer<N>, remedy: string): string {
  const value = given.one(name);
  if (value === undefined) throw new UsageError(`--${name} is missing: ${remedy}`);
  return value;
}

const HELP_WIDTH = 32;

export function describeOptions(options: Options): string {
  return Object.entries(options)
    .map(([name, { value, help }]) => {
      const shown = `  --${name}${value === undefined ? '' : ` ${value}`}`;
      const lines = help.split('\n').map((line) => `${' '.repeat(HELP_WIDTH)}${line}`);
      return `${shown.padEnd(HELP_WIDTH - 1)} ${lines.join('\n').trimStart()}`;
    })
    .join('\n');
}
