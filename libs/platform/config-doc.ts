import type { Variable } from './config-values.js';
import { VARIABLES } from './config-variables.js';

const HEAD = `# Configuration

Every setting is an environment variable, or a line of \`.env\` in the working directory. Each may also be given as
\`NAME_FILE\`, the path of a file that holds the value. An empty variable counts as not set. At start the service refuses
a value it cannot read, a name that looks misspelt, a file it cannot read or that is empty, a name given both ways, and
settings that do not go together; it names all of them at once and never prints a value.

This page is generated from the table in \`libs/platform/config-variables.ts\`, and a test compares the two.
`;

/** The text of `docs/configuration.md`, made from the table that parses the variables. */
export function describeConfig(): string {
  const all = Object.entries(VARIABLES) as [string, Variable<unknown>][];
  const plain = all.filter(([, variable]) => variable.unit === '');
  const limits = all.filter(([, variable]) => variable.unit !== '');
  return [
    HEAD,
    section(
      'The service',
      ['name', 'default', ''],
      plain.map(([name, { shownDefault, description }]) => [code(name), shownDefault, description]),
    ),
    section(
      'Limits',
      ['name', 'default', 'from', 'to', 'unit', ''],
      limits.map(([name, { shownDefault, range, unit, description }]) => {
        return [code(name), shownDefault, `${range?.from ?? ''}`, `${range?.to ?? ''}`, unit, description];
      }),
    ),
  ].join('\n');
}

function code(name: string): string {
  return `\`${name}\``;
}

function section(title: string, head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
  return `## ${title}\n\n${lines.join('\n')}\n`;
}
