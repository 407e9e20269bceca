import { existsSync } from 'node:fs';
import { Interrupted, UsageError, outcomeOf } from './failures.js';
import { COMMANDS, helpOf, overview } from './help.js';
import { refuseAddresses } from './personal-arguments.js';

/** `npm run audit -- replay|explain`: reads a ledger, and nothing else, for auditors. Never writes anything into it. */
async function main(args: readonly string[]): Promise<void> {
  if (existsSync('.env')) process.loadEnvFile('.env');
  refuseAddresses(args);
  const [name, ...rest] = args;
  const wantsHelp = args.includes('--help') || args.includes('-h');
  if (name === undefined || name.startsWith('-') || name === 'help') {
    if (!wantsHelp && name !== 'help') throw new UsageError(`say what to do:\n\n${overview()}`);
    process.stdout.write(overview());
    return;
  }
  const command = COMMANDS.find((one) => one.name === name);
  if (command === undefined) throw new UsageError(`there is no such command:\n\n${overview()}`);
  if (wantsHelp) process.stdout.write(helpOf(command));
  else await command.run(rest, untilSignal());
}

/** The usual exit codes of programs that a signal ended. The second signal ends the process at once. */
function untilSignal(): AbortSignal {
  const ending = new AbortController();
  process.once('SIGINT', () => ending.abort(new Interrupted(130)));
  process.once('SIGTERM', () => ending.abort(new Interrupted(143)));
  return ending.signal;
}

main(process.argv.slice(2)).catch((error: unknown) => {
  const { code, said } = outcomeOf(error);
  process.exitCode = code;
  // What a reader that stands still has not taken would keep the process alive.
  const end = () => (error instanceof Interrupted ? process.exit() : undefined);
  if (said === undefined) end();
  else process.stderr.write(`audit: ${said}\n`, end);
});
