import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { REASONS } from '#consent';
import { ERRORS, systemClock } from '#platform';
import { startTestService } from './support/service.js';

/** What the pages name is there, and the first page's first example says what it says. */
const ROOT = fileURLToPath(new URL('..', import.meta.url));
const textOf = (file: string) => readFileSync(join(ROOT, file), 'utf8');
const README = textOf('README.md');
const PAGES = [
  ...['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md'],
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => join('docs', file)),
];

/** The anchors of a page, as GitHub makes them of its headings. */
function anchorsOf(page: string): readonly string[] {
  const headings = [...textOf(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => heading.toLowerCase());
  return headings.map((heading) => heading.replace(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-'));
}

function leadsSomewhere(page: string, link: string): boolean {
  const [path = '', anchor] = link.split('#');
  const target = path === '' ? page : normalize(join(dirname(page), path));
  if (!existsSync(join(ROOT, target))) return false;
  return anchor === undefined || anchorsOf(target).includes(anchor);
}

describe.each(PAGES)('%s', (page) => {
  const text = textOf(page);

  it('has no link that leads nowhere', () => {
    const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link);
    const ours = links.filter((link) => !/^https?:/.test(link));
    expect(ours.filter((link) => !leadsSomewhere(page, link))).toEqual([]);
  });

  it('names only files and commands that there are', () => {
    const { scripts } = JSON.parse(textOf('package.json')) as { readonly scripts: Readonly<Record<string, string>> };
    const files = [...text.matchAll(/`((?:apps|libs|test|bench|deploy|docs)\/[\w./-]+)`/g)].map(
      ([, file = '']) => file,
    );
    const commands = [...text.matchAll(/npm run (?:--silent )?([a-z][\w:]*)/g)].map(([, name = '']) => name);
    expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
    expect(commands.filter((name) => !(name in scripts))).toEqual([]);
  });
});

describe('the metrics', () => {
  const named = (text: string) =>
    new Set([...text.matchAll(/\bconsent_(?!ledger)[a-z_]*[a-z]\b/g)].map(([name]) => name));
  const made = named(textOf('libs/platform/metrics.ts'));

  it('are all in the page about them', () => {
    const described = named(textOf('docs/operations/metrics.md'));
    expect([...made].filter((name) => !described.has(name))).toEqual([]);
  });

  it('are meant wherever one is named', () => {
    const wrong = PAGES.flatMap((page) => [...named(textOf(page))].filter((name) => !made.has(name)));
    expect(wrong).toEqual([]);
  });
});

describe('docs/http.md', () => {
  const rows = textOf('docs/http.md')
    .split('\n')
    .filter((line) => line.startsWith('| '));
  const said = (word: string) => rows.filter((row) => row.includes(`\`${word}\``));

  it('says what each reason means', () => {
    expect(REASONS.filter((reason) => said(reason).length !== 1)).toEqual([]);
  });

  it('says which status each error has', () => {
    const wrong = Object.entries(ERRORS).filter(([code, { http }]) => {
      const [status = '', ...others] = said(code).map((row) => row.split('|')[1] ?? '');
      return others.length > 0 || !status.split(',').map(Number).includes(http);
    });
    expect(wrong).toEqual([]);
  });
});

const hasCurl = spawnSync('curl', ['--version']).status === 0;
const whereIsCurl = hasCurl ? it : it.skip;
if (!hasCurl) process.stdout.write('README.md: its first check is not run, for want of curl\n');

whereIsCurl("README.md's first check answers what it says (needs curl)", async () => {
  const cwd = mkdtempSync(join(tmpdir(), 'readme-'));
  const service = await startTestService({ clock: systemClock, dataDir: join(cwd, 'data') });
  try {
    const [, script = ''] = /## A first check[^]*?```sh\n([^]*?)```/.exec(README) ?? [];
    const expected = [...script.matchAll(/^# (\{.*), …$/gm)].map(([, beginning = '']) => beginning);
    const running = spawn('sh', ['-c', script.replaceAll('http://127.0.0.1:3000', service.base)], { cwd });
    let said = '';
    running.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
    await new Promise((resolve) => running.on('close', resolve));
    expect(expected).toHaveLength(2);
    const places = expected.map((beginning) => said.indexOf(beginning));
    expect(places.every((place) => place >= 0)).toBe(true);
    expect(places).toEqual([...places].sort((one, other) => one - other));
  } finally {
    await service.stop();
    rmSync(cwd, { recursive: true, force: true });
  }
});
