import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { isInstant, type Instant } from '#consent';
import { depthOf, isPosition } from '#event-store';
import { RelayDatabase, progressOf, wishRepublish, type Wish, type WishProgress } from '#relay';
import { isRecipientId } from '#vault';
import { Refused, parsed, print, readSettings, run, type Bar } from './keeping/tool.js';
import { RELAY_FILE } from './relay-side.js';

const USAGE = 'npm run relay:republish -- --from <start, a position, or an instant> [--recipient <recipient id>]';

/** Between two looks at how far it is, in milliseconds. */
const LOOK_MS = 250;

/**
 * `npm run relay:republish`: has the relay of the running service tell Kafka again what it told before. The wish is kept
 * beside the relay's checkpoints, so it outlives this tool and the service. Of replicas each has checkpoints of its own,
 * and only the one that publishes looks at them.
 */
async function republish(bar: Bar): Promise<boolean> {
  const wish = readWish();
  const { dataDir, kafka, database: replicas } = readSettings();
  const file = join(dataDir, RELAY_FILE);
  if (!existsSync(file))
    throw new Refused(`no relay ever ran on ${dataDir}: start the service with KAFKA_BROKERS first`);
  const database = new RelayDatabase(file);
  try {
    const id = wishRepublish(database, wish);
    const isDone = await watch(database, id, 2 * (kafka?.relay.leaseMs ?? 5_000), bar);
    return isDone || left(dataDir, replicas !== undefined);
  } finally {
    database.close();
  }
}

function readWish(): Wish {
  const { from, recipient } = parsed({ needed: ['from'], optional: ['recipient'] }, USAGE);
  if (recipient !== undefined && !isRecipientId(recipient)) {
    throw new Refused('--recipient must be the 43 characters of a recipient id; an address is no id');
  }
  return { ...startOf(from ?? ''), ...(recipient === undefined ? {} : { recipientId: recipient }) };
}

function startOf(from: string): Wish {
  if (from === 'start') return {};
  if (isPosition(from)) return { from };
  const instant = instantIn(from);
  if (instant === undefined) throw new Refused(`--from is no position and no instant\nusage: ${USAGE}`);
  return { since: instant };
}

function instantIn(text: string): Instant | undefined {
  const epochMs = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  const instant = Number.isNaN(epochMs) ? undefined : new Date(epochMs).toISOString();
  return isInstant(instant) ? instant : undefined;
}

/** Until the relay has done it; false where there is none. A relay that lives counts its lease up. */
async function watch(database: RelayDatabase, id: number, patienceMs: number, bar: Bar): Promise<boolean> {
  let beat = database.lease().beat;
  for (let seenAt = performance.now(); ;) {
    const wish = progressOf(database, id);
    if (wish?.state === 'done') return done(wish, bar);
    if (wish?.state === 'refused') throw new Refused('it is about a place in another ledger');
    if (wish) bar.show('publishing again', shareOf(wish), `${wish.events} events`);
    const now = database.lease().beat;
    if (now !== beat) [beat, seenAt] = [now, performance.now()];
    if (performance.now() - seenAt > patienceMs) {
      bar.stop();
      return false;
    }
    await pause(LOOK_MS);
  }
}

function done({ events }: WishProgress, bar: Bar): boolean {
  bar.stop();
  print(`published again: ${events} events`);
  return true;
}

/** The wish is left for the next. Whether that is what was asked for nobody can tell where another replica publishes. */
function left(dataDir: string, hasReplicas: boolean): boolean {
  print(`no relay publishes from ${dataDir}: the wish is kept there, and taken up by the next relay that does`);
  if (hasReplicas) print('where another replica publishes (relay.leader in its /health/ready), give its DATA_DIR');
  return !hasReplicas;
}

function shareOf({ from, reached, until }: WishProgress): number {
  if (reached === undefined || until === undefined) return 0;
  const start = from === undefined ? 0 : depthOf(from);
  return Math.min(1, (depthOf(reached) - start) / Math.max(1, depthOf(until) - start));
}

run('relay:republish', republish);
