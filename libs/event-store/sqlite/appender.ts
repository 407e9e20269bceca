import type { SqliteDatabase } from '#sqlite';
import { unpackEvents, type AppendJob, type AppendResult } from './append-job.js';
import { bytesOfUuid } from './schema.js';

interface Place {
  readonly revision: number;
  readonly n: number;
}

/** Writes appends inside the transaction that the writer thread has opened. It checks before it writes. */
export function appenderOf(db: SqliteDatabase): (job: AppendJob) => AppendResult {
  const findStream = db.prepare<[string], number>('SELECT id FROM streams WHERE name = ?').pluck();
  const addStream = db.prepare<[string]>('INSERT INTO streams (name) VALUES (?)');
  const findEvent = db.prepare<[number, Buffer], Place>(
    'SELECT revision, n FROM events WHERE stream = ? AND event_id = ? ORDER BY n LIMIT 1',
  );
  const lastRevision = db.prepare<[number], number | null>('SELECT max(revision) FROM events WHERE stream = ?').pluck();
  const addEvent = db.prepare<[number, number, Buffer, string, Uint8Array, Uint8Array]>(
    'INSERT INTO events (stream, revision, event_id, type, data, metadata) VALUES (?, ?, ?, ?, ?, ?)',
  );

  const insert = (stream: number, first: number, job: AppendJob): AppendResult => {
    let [revision, n] = [first - 1, 0];
    for (const { id, type, data, metadata } of unpackEvents(job)) {
      revision += 1;
      n = Number(addEvent.run(stream, revision, bytesOfUuid(id), type, data, metadata).lastInsertRowid);
    }
    return { revision, n, replayed: false };
  };

  return (job) => {
    const stream = findStream.get(job.stream);
    const actual = (stream === undefined ? undefined : lastRevision.get(stream)) ?? undefined;
    const fits = isExpected(job.expected, actual);
    const looks = stream !== undefined && !(fits && job.keepsRepeats && job.expected !== 'any');
    const places = looks ? job.events.map(({ id }) => findEvent.get(stream, bytesOfUuid(id))) : [];
    if (places.some((place) => place !== undefined)) return replayOf(places) ?? { conflictAt: actual ?? null };
    if (!fits) return { conflictAt: actual ?? null };
    const known = stream ?? Number(addStream.run(job.stream).lastInsertRowid);
    return insert(known, actual === undefined ? 0 : actual + 1, job);
  };
}

/** The answer of the first time, where these very events stand in the stream in this order with nothing between. */
function replayOf(places: readonly (Place | undefined)[]): AppendResult | undefined {
  const first = places[0];
  const last = places.at(-1);
  const consecutive = places.every((place, index) => first && place?.revision === first.revision + index);
  return last && consecutive ? { ...last, replayed: true } : undefined;
}

function isExpected(expected: string, actual: number | undefined): boolean {
  if (expected === 'any') return true;
  return expected === (actual === undefined ? 'none' : String(actual));
}
