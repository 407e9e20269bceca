import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const DEBIAN = '/usr/lib/postgresql';
const NEEDED = ['initdb', 'postgres'] as const;

/** The directory of PostgreSQL's server programs; the newest where Debian keeps several. Throws with what to install. */
export function postgresBinaries(): string {
  const found = places().find((directory) => NEEDED.every((name) => existsSync(join(directory, name))));
  if (found !== undefined) return found;
  throw new Error(
    'these tests need a PostgreSQL server of version 15 or newer: install postgresql-15, or put its initdb and postgres into PATH',
  );
}

function places(): readonly string[] {
  const path = (process.env.PATH ?? '').split(delimiter).filter((directory) => directory !== '');
  const debian = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((one, other) => Number(other) - Number(one)) : [];
  return [...path, ...configured(), ...debian.map((version) => join(DEBIAN, version, 'bin'))];
}

function configured(): readonly string[] {
  try {
    return [execFileSync('pg_config', ['--bindir'], { encoding: 'utf8' }).trim()];
  } catch {
    return [];
  }
}
