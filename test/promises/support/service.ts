import { readFileSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { writeEvent } from '#event-store';
import { createLog, readConfig, type Clock } from '#platform';
import { startService, type Running } from '../../../apps/ledger/service.js';
import { ask, must, type Reachable } from '../../support/client.js';
import { baseEnv } from '../../support/service.js';

/** A service that listens, whatever its view is doing. */
export interface Listening extends Reachable {
  readonly running: Running;
}

/** Starts over a data directory that is there, and does not wait for the view. */
export async function startListening(dataDir: string, clock: Clock): Promise<Listening> {
  const running = await startService(readConfig(baseEnv(dataDir)), { clock, log: createLog({ level: 'silent' }) });
  const adminKey = readFileSync(join(dataDir, 'admin.key'), 'utf8').trim();
  return { running, base: `http://127.0.0.1:${running.ports.http}`, adminKey };
}

/** The ids under which a business knows these people, in their order. */
export async function recipientIdsOf(
  service: Reachable,
  recipients: readonly unknown[],
  businessId = 'acme',
): Promise<readonly string[]> {
  const path = `/v1/businesses/${businessId}/recipients/lookup`;
  const { body } = await must(ask(service, 'POST', path, { body: { recipients } }));
  return (body.results as unknown as readonly { recipientId: string }[]).map(({ recipientId }) => recipientId);
}

let events = 0;

/** Ids that nobody else uses, the same in every run. */
function nextId(): string {
  events += 1;
  return `00000000-0000-4000-8000-${String(events).padStart(12, '0')}`;
}

/** Puts a sound event into the ledger past the service's commands; resolves with its position. */
export async function append(
  { running: { parts } }: Pick<Listening, 'running'>,
  stream: string,
  type: string,
  data: { readonly occurredAt: string } & Readonly<Record<string, unknown>>,
): Promise<string> {
  const id = nextId();
  const { occurredAt } = data;
  const event = writeEvent(id, type, data, {
    $correlationId: id,
    $causationId: id,
    commandId: id,
    actor: 'test',
    occurredAt,
    recordedAt: new Date(parts.clock.now()).toISOString(),
    schema: 1,
  });
  return (await parts.store.append(stream, [event], 'any')).position;
}

/** Puts bytes into the ledger that no command of this version writes; resolves with their position. */
export async function appendBytes(
  { running: { parts } }: Pick<Listening, 'running'>,
  stream: string,
  type: string,
  data: string,
): Promise<string> {
  const event = { id: nextId(), type, data: Buffer.from(data), metadata: Buffer.from('{}') };
  return (await parts.store.append(stream, [event], 'any')).position;
}

/** Removes the view of a service that is closed: files and pointer. */
export function dropView(dataDir: string): void {
  for (const name of readdirSync(dataDir)) if (name.startsWith('view')) rmSync(join(dataDir, name));
}

/** The name of the view file in use. */
export function viewFileOf(dataDir: string): string {
  return readFileSync(join(dataDir, 'view.current'), 'utf8').trim();
}

/** From now on every commit to the view fails, as on a disk that takes no more of it. */
export function holdView(dataDir: string): void {
  const refusal = `BEGIN SELECT RAISE(ABORT, 'the test holds the view'); END`;
  changeView(dataDir, `CREATE TRIGGER held BEFORE UPDATE ON about ${refusal}`);
}

/** Lets the view go on. */
export function releaseView(dataDir: string): void {
  changeView(dataDir, 'DROP TRIGGER held');
}

function changeView(dataDir: string, sql: string): void {
  const db = new Database(join(dataDir, viewFileOf(dataDir)), { fileMustExist: true });
  try {
    db.exec(sql);
  } finally {
    db.close();
  }
}

const LOOK_MS = 10;
const PATIENCE_MS = 45_000;

/** Looks until it comes to pass; fails with `what` where it never does. */
export async function until(what: string, look: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await look())) {
    if (performance.now() > deadline) throw new Error(`it never came to pass that ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
