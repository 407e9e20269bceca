import { execFile } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Packs one of our packages and installs it as `npm install` would, with the dependencies that are here already, so that
 * nothing is downloaded. Answers where it is.
 */
export async function installPacked(
  dir: string,
  { lib, name, dependencies }: { lib: string; name: string; dependencies: readonly string[] },
): Promise<string> {
  const { stdout } = await run(process.execPath, [join(ROOT, 'dist/libs', lib, 'package/main.js')]);
  const home = join(dir, 'node_modules', name);
  await mkdir(home, { recursive: true });
  await run('tar', ['xzf', stdout.trim(), '--strip-components=1', '-C', home]);
  for (const dependency of dependencies) await link(dir, dependency);
  return home;
}

async function link(dir: string, dependency: string): Promise<void> {
  const at = join(dir, 'node_modules', dependency);
  await mkdir(dirname(at), { recursive: true });
  await symlink(join(ROOT, 'node_modules', dependency), at);
}

/** What the compiler of somebody who has none of our settings says of a program over what is installed in `dir`. */
export async function complaintsAbout(dir: string, program: string): Promise<string> {
  // What the types of a package for Node stand on, as any such project has it.
  for (const dependency of ['@types/node', 'undici-types']) await link(dir, dependency);
  await writeFile(join(dir, 'program.mts'), program);
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022', '--types', 'node'];
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  return run(process.execPath, [tsc, ...options, 'program.mts'], { cwd: dir }).then(
    () => '',
    ({ stdout }: { readonly stdout: string }) => stdout,
  );
}
