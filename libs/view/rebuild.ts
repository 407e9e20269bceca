import { readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { depthOf, type EventStore, type Position } from '#event-store';
import { catchUp, turnOfTheEventLoop } from './advance.js';
import { VIEW_PREFIXES } from './project.js';
import { SqliteView } from './sqlite-view.js';
import { ViewBuilder } from './view-builder.js';
import { nextViewFile, pointTo, removeViewFile } from './view-files.js';

export interface RebuildProgress {
  /** Events done and events in the ledger; each is taken twice, and counts half each time. */
  readonly done: number;
  readonly total: number;
  /** Events a second, on average so far. */
  readonly perSecond: number;
}

export interface RebuildOptions {
  /** May be open read-only beside a running service. */
  readonly store: EventStore;
  readonly dataDir: string;
  readonly onProgress: (progress: RebuildProgress) => void;
  /** About so many events are folded in memory at once. */
  readonly eventsPerPart?: number;
}

export interface Rebuilt {
  /** Of recipients and businesses, without those that came in meanwhile. */
  readonly events: number;
  readonly seconds: number;
  readonly position: Position;
}

const EVENTS_PER_PART = 5_000;
const MAX_PARTS = 4_096;
const BATCH_SIZE = 2_048;
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
  const { store, eventsPerPart = EVENTS_PER_PART } = options;
  const began = performance.now();
  const total = depthOf(await store.head());
  const parts = Math.min(MAX_PARTS, Math.ceil(total / eventsPerPart) || 1);
  const tell = (done: number) => {
    const perSecond = (done * 1_000) / (performance.now() - began);
    options.onProgress({ done: Math.min(Math.round(done), total), total, perSecond });
  };
  const builder = new ViewBuilder(file, store.ledgerId, parts);
  try {
    const { events, position } = await sortAll(builder, store, (depth) => tell(depth / 2));
    for await (const folded of builder.fold()) {
      // One more on either side: a ledger without recipients comes to its end too.
      tell((total * (1 + (folded + 1) / (builder.sorted + 1))) / 2);
    }
    builder.finish(position);
    return { events, seconds: (performance.now() - began) / 1_000 };
  } finally {
    builder.close();
  }
}

async function sortAll(builder: ViewBuilder, store: EventStore, tell: (depth: number) => void) {
  let events = 0;
  for (let at: Position | undefined; ;) {
    const from = at === undefined ? {} : { from: at };
    const page = await store.readAll({ ...from, prefixes: VIEW_PREFIXES, limit: BATCH_SIZE });
    builder.sort(page.events);
    events += page.events.length;
    at = page.position;
    tell(depthOf(at));
    if (page.atEnd) return { events, position: at };
    await turnOfTheEventLoop();
  }
}

/** Takes in what was appended while the rows were made. */
async function followUp(file: string, store: EventStore): Promise<Position> {
  const view = new SqliteView({ file, ledgerId: store.ledgerId, cacheEntries: 10_000 });
  try {
    const { signal } = new AbortController();
    const until = await store.head();
    await catchUp(view, store, { until, batchSize: BATCH_SIZE, onUnreadable: () => undefined, signal });
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
  } catch {
    return false;
  }
}
