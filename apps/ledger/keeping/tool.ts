import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Presets, SingleBar } from 'cli-progress';
import { readConfig, type Config } from '#platform';

/** What a tool will not do, in words for the person who asked for it. */
export class Refused extends Error {}

/** Reads `--name value` for each name, all of them needed. Throws `Refused` with the usage; `--help` prints it and ends. */
export function optionsOf<N extends string>(names: readonly N[], usage: string): Readonly<Record<N, string>> {
  return parsed<N, never>({ needed: names, optional: [] }, usage);
}

/** The same where some may be left out. */
export function parsed<N extends string, O extends string>(
  { needed, optional }: { readonly needed: readonly N[]; readonly optional: readonly O[] },
  usage: string,
): Readonly<Record<N, string> & Partial<Record<O, string>>> {
  if (process.argv.some((argument) => argument === '--help' || argument === '-h')) {
    print(`usage: ${usage}`);
    process.exit(0);
  }
  const options = Object.fromEntries([...needed, ...optional].map((name) => [name, { type: 'string' as const }]));
  const { values } = given(() => parseArgs({ options, strict: true }), usage);
  const missing = needed.find((name) => !values[name]);
  if (missing !== undefined) throw new Refused(`--${missing} is missing\nusage: ${usage}`);
  return values as Record<N, string> & Partial<Record<O, string>>;
}

function given<T>(parse: () => T, usage: string): T {
  try {
    return parse();
  } catch {
    // The parser's message repeats what it was given, and an address may hold a password.
    throw new Refused(`an option is unknown or has no value\nusage: ${usage}`);
  }
}

/** Throws `ConfigError`. */
export function readSettings(): Config {
  if (existsSync('.env')) process.loadEnvFile('.env');
  return readConfig(process.env);
}

/** Runs a tool to its end: exit code 0, or 1 where it failed or answered false. */
export function run(name: string, tool: (bar: Bar) => Promise<boolean>): void {
  const bar = new Bar(name);
  tool(bar)
    .finally(() => bar.stop())
    .then(
      (succeeded) => process.exit(succeeded ? 0 : 1),
      (error: unknown) => {
        process.stderr.write(`${name} failed: ${error instanceof Error ? error.message : String(error)}\n`);
        process.exit(1);
      },
    );
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** A bar on stderr; where no terminal shows it (a log, a pipe) a line is printed now and then instead. */
export class Bar {
  private readonly bar: SingleBar;
  private step = '';

  constructor(private readonly name: string) {
    const format = `${this.name} [{bar}] {percentage}% {step}{detail}, {eta_formatted} left`;
    this.bar = new SingleBar({ format, noTTYOutput: true, notTTYSchedule: 2_000 }, Presets.shades_classic);
  }

  /** `share` of the step is from 0 to 1. */
  show(step: string, share: number, detail = ''): void {
    const shown = { step, detail: detail && `, ${detail}` };
    if (step === this.step) return this.bar.update(Math.floor(share * 1_000), shown);
    this.stop();
    this.bar.start(1_000, Math.floor(share * 1_000), shown);
    this.step = step;
  }

  stop(): void {
    if (this.step !== '') this.bar.stop();
    this.step = '';
  }
}
