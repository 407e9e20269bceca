import { explainStory } from './explain.js';
import { EXPLAIN_OPTIONS } from './explain-options.js';
import { describeOptions, type Options } from './options.js';
import { replay } from './replay.js';
import { REPLAY_OPTIONS } from './replay-options.js';

export interface Command {
  readonly name: string;
  readonly summary: string;
  readonly about: string;
  readonly options: Options;
  run(args: readonly string[], signal: AbortSignal): Promise<void>;
}

export const COMMANDS: readonly Command[] = [
  {
    name: 'replay',
    summary: 'writes out the events of the ledger, all or some',
    about: `Writes out events in the order of the ledger, up to what was its end at the beginning. Options of
different names narrow each other down; events that cannot be read are shown as such. Personal
parts stay sealed.`,
    options: REPLAY_OPTIONS,
    run: replay,
  },
  {
    name: 'explain',
    summary: "tells one recipient's story, with the answer after each event",
    about: `Tells what happened to one recipient, event by event in the order of the ledger, and after each what
the answer was: as of the moment at which the ledger heard of it, by the register of the business
as it was then, together with the recipients linked by then. At the end, the answer now. Without
--recipient an address is read from standard input or asked for.`,
    options: EXPLAIN_OPTIONS,
    run: explainStory,
  },
];

const EXIT_CODES = `Exit codes: 0 done · 1 trouble, said on stderr · 2 an option is wrong, said on stderr with the
remedy · 130, 143 ended by SIGINT, SIGTERM before it was done.
`;

export function overview(): string {
  const commands = COMMANDS.map(({ name, summary }) => `  ${name.padEnd(10)}${summary}`).join('\n');
  return `Usage: npm run audit -- COMMAND [options]

Reads a ledger, and nothing else. It is never written to.

${commands}

npm run audit -- COMMAND --help lists the options of each. Addresses of people are never given as
arguments: they come from standard input or a prompt.

${EXIT_CODES}`;
}

export function helpOf({ name, about, options }: Command): string {
  return `Usage: npm run audit -- ${name} [options]

${about}

${describeOptions(options)}

${EXIT_CODES}`;
}
