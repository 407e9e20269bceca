import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const NAME = '@consent-ledger/client';
const HERE = 'libs/client/package';
/** The libs that the guard is made of, as they name each other. */
const LIBS = ['consent', 'contracts', 'packed'];

interface RootManifest {
  readonly version: string;
  readonly license: string;
  readonly engines: Readonly<Record<string, string>>;
  readonly dependencies: Readonly<Record<string, string>>;
}

/**
 * Makes the client's package in `into`, which is emptied before: what `index.ts` reaches and no more, compiled, with its
 * types. `root` is the project's own directory; its TypeScript compiles. The package depends on grpc-js alone.
 */
export async function assemblePackage(root: string, into: string): Promise<void> {
  await rm(into, { recursive: true, force: true });
  await mkdir(into, { recursive: true });
  const project = join(root, HERE, 'tsconfig.package.json');
  await run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', project, '--outDir', into]);
  await cp(join(root, HERE, 'README.md'), join(into, 'README.md'));
  await cp(join(root, 'LICENSE'), join(into, 'LICENSE'));
  const manifest = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as RootManifest;
  await writeFile(join(into, 'package.json'), `${JSON.stringify(manifestOf(manifest), null, 2)}\n`);
}

/** Packs what `assemblePackage` made. Answers with the tarball's path. */
export async function packPackage(assembled: string, into: string): Promise<string> {
  const { stdout } = await run('npm', ['pack', '--json', '--pack-destination', into], { cwd: assembled });
  const [packed] = JSON.parse(stdout) as [{ readonly filename: string }];
  return join(into, packed.filename);
}

function manifestOf({ version, license, engines, dependencies }: RootManifest) {
  return {
    name: NAME,
    version,
    description: 'Asks the consent ledger who may be messaged, and tells it what people say.',
    license,
    type: 'module',
    engines,
    exports: { '.': { types: './libs/client/index.d.ts', default: './libs/client/index.js' } },
    imports: Object.fromEntries(LIBS.map((lib) => [`#${lib}`, importOf(lib)])),
    files: ['libs', 'README.md', 'LICENSE'],
    dependencies: { '@grpc/grpc-js': dependencies['@grpc/grpc-js'] },
  };
}

function importOf(lib: string) {
  return { types: `./libs/${lib}/index.d.ts`, default: `./libs/${lib}/index.js` };
}
