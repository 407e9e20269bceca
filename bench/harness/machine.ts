import { readFileSync, statfsSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import Database from 'better-sqlite3';
import { programOf } from './child.js';

/** What the figures were measured on. No host name, user or path: a result is published. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGb: number;
  readonly kernel: string;
  readonly fileSystem: string;
  /** Processes that wanted a core, on average in the minute before the run: what else the machine was busy with. */
  readonly loadBefore: number;
  readonly node: string;
  readonly sqlite: string;
  /** Of this project and of the packages that the figures rest on. */
  readonly packages: Readonly<Record<string, string>>;
}

const PACKAGES = [
  '@eventstore/db-client',
  '@grpc/grpc-js',
  '@nestjs/core',
  '@nestjs/cqrs',
  '@nestjs/platform-fastify',
  'better-sqlite3',
  'fastify',
];
const BYTES_PER_GB = 1_000_000_000;

export function machineOf(dir: string): Machine {
  const processors = cpus();
  return {
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memoryGb: Math.round(totalmem() / BYTES_PER_GB),
    kernel: `Linux ${release()}`,
    fileSystem: fileSystemOf(dir),
    loadBefore: Number((loadavg()[0] ?? 0).toFixed(1)),
    node: process.versions.node,
    sqlite: sqliteVersion(),
    packages: versions(),
  };
}

/** By the magic numbers of statfs(2). */
const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  0xef53: 'ext4',
  0x58465342: 'xfs',
  0x9123683e: 'btrfs',
  0x2fc12fc1: 'zfs',
  0x794c7630: 'overlayfs',
  0x01021994: 'tmpfs',
};

function fileSystemOf(dir: string): string {
  const { type } = statfsSync(dir);
  return FILE_SYSTEMS[type] ?? `0x${type.toString(16)}`;
}

/** Where an fsync does nothing, no figure that rests on one means anything. */
export function refuseMemoryDisk(dir: string): void {
  if (fileSystemOf(dir) !== 'tmpfs') return;
  throw new Error('the temporary directory is in memory: set TMPDIR to a directory on a disk');
}

function sqliteVersion(): string {
  const db = new Database(':memory:');
  try {
    return db.prepare<[], string>('SELECT sqlite_version()').pluck().get() ?? 'unknown';
  } finally {
    db.close();
  }
}

interface PackageFile {
  readonly name: string;
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
}

/** Dependencies are pinned, so the manifest says what is installed. */
function versions(): Readonly<Record<string, string>> {
  const own = JSON.parse(readFileSync(programOf('../package.json'), 'utf8')) as PackageFile;
  const used = PACKAGES.map((name) => [name, own.dependencies[name] ?? 'missing'] as const);
  return { [own.name]: own.version, ...Object.fromEntries(used) };
}
