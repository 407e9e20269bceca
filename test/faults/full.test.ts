import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, it } from '@jest/globals';

const IMPORTS = /from '(\.{1,2}\/[^']+)\.js'/g;
/** That a file has more to do at full length, as against one that only draws its chances from a seed. */
const HAS_FULL_FORM = /import \{[^}]*\bFULL\b[^}]*\}|FAULTS === 'full'/;

const FULL_ITSELF = join('test', 'faults', 'full.ts');

const suites = ['test', 'libs', 'apps'].flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts'))
    .map((file) => join(folder, file)),
);

/** Whether the file, or a file of the tests that it imports, does more under `FAULTS=full`. */
function hasFullForm(file: string, seen = new Set<string>()): boolean {
  if (seen.has(file) || file === FULL_ITSELF || !existsSync(file)) return false;
  seen.add(file);
  const text = readFileSync(file, 'utf8');
  if (HAS_FULL_FORM.test(text)) return true;
  const imported = [...text.matchAll(IMPORTS)].map(([, path = '']) => join(dirname(file), `${path}.ts`));
  return imported.some((path) => path.startsWith('test/') && hasFullForm(path, seen));
}

/** The paths that a script gives to Jest. */
function pathsOf(script: string): readonly string[] {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
  return scripts[script]?.split('--runInBand ')[1]?.split(' ') ?? [];
}

it('whatever has a full form is run at its full length by test:faults or test:replicas', () => {
  const paths = [...pathsOf('test:faults'), ...pathsOf('test:replicas')];
  const full = suites.filter((file) => !file.endsWith('full.test.ts') && hasFullForm(file));
  expect(full.length).toBeGreaterThan(20);
  expect(full.filter((file) => !paths.some((path) => file.includes(path)))).toStrictEqual([]);
});

it('every path that they name holds a suite', () => {
  const paths = [...pathsOf('test:faults'), ...pathsOf('test:replicas')];
  expect(paths.filter((path) => !suites.some((file) => file.includes(path)))).toStrictEqual([]);
});
