import { readFileSync } from 'node:fs';

/** The version of `package.json`, which stands two folders above the sources and three above the build. */
export const VERSION = readVersion();

function readVersion(): string {
  for (const path of ['../../package.json', '../../../package.json']) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as Record<
        string,
        string
      >;
      if (name === 'consent-ledger' && version !== undefined) return version;
    } catch {
      continue;
    }
  }
  throw new Error('package.json of consent-ledger is not where it belongs');
}
