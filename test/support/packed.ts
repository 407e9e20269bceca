import { execFile } from 'node:child_process';
import { mkdir, symlink } from 'node:fs/promises';
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
  for (const dependency of dependencies) {
    const link = join(dir, 'node_modules', dependency);
    await mkdir(dirname(link), { recursive: true });
    await symlink(join(ROOT, 'node_modules', dependency), link);
  }
  return home;
}
