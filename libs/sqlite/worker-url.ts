import { existsSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

/**
 * The program of a worker thread, named relative to the module that starts it: its sibling, or, where that module runs
 * from its TypeScript source (Jest), the compiled file in `dist/`, because Node starts threads from JavaScript only.
 */
export function workerUrl(importMetaUrl: string, program: string): URL {
  if (!importMetaUrl.endsWith('.ts')) return new URL(program, importMetaUrl);
  const source = resolve(dirname(fileURLToPath(importMetaUrl)), program);
  const root = packageRootOf(dirname(source));
  return pathToFileURL(join(root, 'dist', relative(root, source)));
}

function packageRootOf(directory: string): string {
  if (existsSync(join(directory, 'package.json'))) return directory;
  const parent = dirname(directory);
  if (parent === directory) throw new Error('there is no package.json above the worker program');
  return packageRootOf(parent);
}
