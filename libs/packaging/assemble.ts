import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A lib that is published by itself. Its folder `package` holds the README and the `tsconfig.package.json`. */
export interface PackagePlan {
  readonly lib: string;
  readonly name: string;
  readonly description: string;
  /** The packages of npm that it needs, in the versions of the project's own. */
  readonly dependencies: readonly string[];
}

interface RootManifest {
  readonly version: string;
  readonly license: string;
  readonly engines: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
}

/**
 * Makes the package in `into`, which is emptied before: what the lib's `index.ts` reaches and no more, compiled, with its
 * types. `root` is the project's own directory; its TypeScript compiles.
 */
export async function assemblePackage(root: string, into: string, plan: PackagePlan): Promise<void> {
  const here = join(root, 'libs', plan.lib, 'package');
  await rm(into, { recursive: true, force: true });
  await mkdir(into, { recursive: true });
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  await run(process.execPath, [compiler, '-p', join(here, 'tsconfig.package.json'), '--outDir', into]);
  await cp(join(here, 'README.md'), join(into, 'README.md'));
  await cp(join(root, 'LICENSE'), join(into, 'LICENSE'));
  const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as RootManifest;
  // What was compiled is what is reached: a list kept by hand would lack a lib one day.
  const reached = (await readdir(join(into, 'libs'))).filter((lib) => lib !== plan.lib);
  await writeFile(join(into, 'package.json'), `${JSON.stringify(manifestOf(manifest, plan, reached), null, 2)}\n`);
}

/** Packs what `assemblePackage` made. Answers with the tarball's path. */
export async function packPackage(assembled: string, into: string): Promise<string> {
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', into], { cwd: assembled });
  const [packed] = JSON.parse(stdout) as [{ readonly filename: string }];
  return join(into, packed.filename);
}

function manifestOf(root: RootManifest, { lib, name, description, dependencies }: PackagePlan, reached: string[]) {
  const { version, license, engines } = root;
  return {
    name,
    version,
    description,
    license,
    type: 'module',
    engines,
    exports: { '.': importOf(lib) },
    imports: Object.fromEntries(reached.map((one) => [`#${one}`, importOf(one)])),
    files: ['libs', 'README.md', 'LICENSE'],
    dependencies: Object.fromEntries(dependencies.map((one) => [one, root.dependencies[one]])),
  };
}

function importOf(lib: string) {
  return { types: `./libs/${lib}/index.d.ts`, default: `./libs/${lib}/index.js` };
}
