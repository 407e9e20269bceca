import { readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { EventStore, Position } from '#event-store';
import { catchUp } from './catch-up.js';
import { fillView, PAGE_SIZE, type FillOptions } from './fill.js';
import { SqliteSink } from './sqlite-sink.js';
import { SqliteView } from './sqlite-view.js';
import { giveToOwner, nextViewFile, pointTo, removeViewFile } from './view-files.js';

export interface RebuildOptions extends FillOptions {
  readonly dataDir: string;
}

export interface Rebuilt {
  /** Of recipients and businesses, without those that came in meanwhile. */
  readonly events: number;
  readonly seconds: number;
  readonly position: Position;
}

const BUILDING = /^view-(\d+)\.building$/;

/**
 * Makes the view anew from the ledger, in a file of its own, and puts it in place when it has caught up. A running
 * service goes on answering from the old file, and takes the new one up within about a second. Where it fails, nothing
 * has changed. Needs room on the disk for the events of the ledger once more while it runs.
 */
export async function rebuildView(options: RebuildOptions): Promise<Rebuilt> {
  const { store, dataDir } = options;
  removeAbandoned(dataDir);
  const name = `view-${process.pid}.building`;
  try {
    const rebuilt = await build(join(dataDir, name), options);
    const position = await followUp(join(dataDir, name), store);
    putInPlace(dataDir, name);
    return { ...rebuilt, position };
  } catch (error) {
    removeBuilding(dataDir, name);
    throw error;
  }
}

async function build(file: string, options: RebuildOptions): Promise<{ events: number; seconds: number }> {
  const sink = new SqliteSink(file, options.store.ledgerId);
  try {
    return await fillView(sink, `${file}.parts`, options);
  } finally {
    sink.close();
  }
}

/** Takes in what was appended while the rows were made, which are first read through: whoever takes the file up does not. */
async function followUp(file: string, store: EventStore): Promise<Position> {
  const view = new SqliteView({ file, ledgerId: store.ledgerId, cacheEntries: 10_000 });
  try {
    const { signal } = new AbortController();
    const until = await store.head();
    await catchUp(view, store, { until, batchSize: PAGE_SIZE, onUnreadable: () => undefined, signal });
    return (await view.position()) as Position;
  } finally {
    await view.close();
  }
}

function removeBuilding(dataDir: string, name: string): void {
  rmSync(join(dataDir, `${name}.parts`), { recursive: true, force: true });
  removeViewFile(dataDir, name);
}

function putInPlace(dataDir: string, building: string): void {
  const name = nextViewFile(dataDir);
  giveToOwner(dataDir, building);
  renameSync(join(dataDir, building), join(dataDir, name));
  pointTo(dataDir, name);
}

/** Half-built files of rebuilds that are no longer running. */
function removeAbandoned(dataDir: string): void {
  for (const name of readdirSync(dataDir)) {
    const pid = BUILDING.exec(name)?.[1];
    if (pid !== undefined && !isRunning(Number(pid))) removeBuilding(dataDir, name);
  }
}

function isRunning(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It runs, and is another user's.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
