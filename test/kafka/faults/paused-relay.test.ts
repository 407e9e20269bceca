import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { afterEach, expect, it } from '@jest/globals';
import { TOPICS, type CatalogueRecord } from '#contracts';
import { openEventStoreDb, type EventStore } from '#event-store';
import { startGuard, type Guard } from '#sender-guard';
import { EventStoreProcess } from '../../eventstore/server-process.js';
import { newDataDirectory, removeDataDirectories } from '../../faults/data-directory.js';
import { FULL, chance } from '../../faults/full.js';
import { scanOf } from '../../faults/record.js';
import { until } from '../../faults/until.js';
import { startBroker, stopBrokers } from '../broker.js';
import { jsonOf, readTopic } from '../reader.js';
import { RelayProcess, killRelays } from '../relay/relay-process.js';
import { eventOf, grant, stop } from '../relay/scene.js';
import { WHOLE, inWords, outcomeOf } from './outcome.js';
import { Witness } from './witness.js';

const ROUNDS = FULL ? 20 : 2;
const LEASE_MS = 1_500;
const TAKE_OVER_MS = 10_000;
const WRITERS = 4;
/** Appended before one is stopped, and while it is. */
const MOST_BETWEEN = 60;

const random = chance('a relay that was stopped beyond its lease');

let server: EventStoreProcess | undefined;
let store: EventStore | undefined;
let guard: Guard | undefined;

afterEach(async () => {
  await guard?.close();
  await store?.close();
  await killRelays();
  await stopBrokers();
  await server?.remove();
  removeDataDirectories();
});

const ids = Array.from({ length: 30 }, (_, n) => createHash('sha256').update(`person ${n}`).digest('base64url'));

/** Appends facts about anybody, and now and then to the register, as long as it is told to. */
class Facts {
  private stopped = false;
  appended = 0;

  constructor(private readonly ledger: EventStore) {}

  async write(): Promise<void> {
    while (!this.stopped) {
      await this.one();
      this.appended += 1;
    }
  }

  stop(): void {
    this.stopped = true;
  }

  async more(count: number): Promise<void> {
    const goal = this.appended + count;
    await until('more is appended', () => this.appended >= goal || undefined);
  }

  private async one(): Promise<void> {
    if (random.between(0, 20) === 0) {
      const news = { purposeId: 'news', category: 'marketing', title: String(this.appended), requires: 'consent' };
      await this.ledger.append('business-acme', [eventOf('PurposeRegistered', news)], 'any');
    } else {
      const fact = random.oneOf([grant, stop]);
      await this.ledger.append(`consent-${random.oneOf(ids)}`, [fact()], 'any');
    }
  }
}

/** Which of them publishes. One that is stopped cannot be asked. */
function leaderAmong(relays: readonly RelayProcess[], patienceMs = 60_000): Promise<RelayProcess> {
  const look = async () => {
    for (const relay of relays) if ((await relay.status()).leader) return relay;
    return undefined;
  };
  return until('a relay publishes', look, patienceMs);
}

/** The records on a topic that a relay wrote whose lease was over: its successor had written there before. */
async function writtenTooLate(brokers: string[], topic: string): Promise<number> {
  const newest = new Map<number, number>();
  const late = (await readTopic(brokers, topic)).filter(({ partition, headers }) => {
    const epoch = Number(headers.publisherepoch);
    const known = newest.get(partition) ?? 0;
    newest.set(partition, Math.max(epoch, known));
    return epoch < known;
  });
  return late.length;
}

it(
  'a relay stopped beyond its lease and resumed: nothing is missing, and the newest state stays the newest',
  async () => {
    const { brokers } = await startBroker();
    server = await EventStoreProcess.launch();
    const { url } = server;
    const ledger = (store = await openEventStoreDb({ url }));
    const offers = { purposeId: 'offers', category: 'marketing', title: 'Offers', requires: 'consent' };
    await ledger.append('business-acme', [eventOf('PurposeRegistered', offers)], 'any');
    const shared = { url, brokers, database: join(newDataDirectory(), 'relay.db'), leaseMs: LEASE_MS };
    const launch = () => RelayProcess.launch({ ...shared, dataDir: newDataDirectory() });
    const relays = [await launch(), await launch()];
    await leaderAmong(relays);
    guard = startGuard({ brokers });
    await guard.live(AbortSignal.timeout(60_000));
    const witness = new Witness(guard, ids);
    const facts = new Facts(ledger);
    const writing = Promise.all(Array.from({ length: WRITERS }, () => facts.write()));
    let held = 0;
    for (let round = 0; round < ROUNDS;) {
      const first = await leaderAmong(relays);
      await facts.more(random.between(1, MOST_BETWEEN));
      first.pause();
      const others = relays.filter((relay) => relay !== first);
      const isTaken = await leaderAmong(others, TAKE_OVER_MS).then(
        () => true,
        () => false,
      );
      if (isTaken) await facts.more(random.between(1, MOST_BETWEEN));
      first.resume();
      // Stopped in the middle of a write to SQLite it keeps the file, and with it the lease, for itself.
      if (!isTaken) {
        held += 1;
        continue;
      }
      round += 1;
      await until('it has noticed', async () => !(await first.status()).leader || undefined);
    }
    facts.stop();
    await writing;

    const scanned = await scanOf(server.dataDir);
    const outcome = await outcomeOf(brokers, scanned);
    witness.stop();
    const wrong = witness.wrong(scanned);
    const [register] = await ledger.readStream('business-acme', { direction: 'backwards', limit: 1 });
    await until('the newest register is told', async () => {
      const records = (await readTopic(brokers, TOPICS.catalogue.topic)).map((one) => jsonOf<CatalogueRecord>(one));
      return records.at(-1)?.revision === register?.revision || undefined;
    });
    const late = await Promise.all([TOPICS.optouts, TOPICS.state].map(({ topic }) => writtenTooLate(brokers, topic)));
    const healed = await Promise.all(relays.map(async (relay) => (await relay.status()).healed));
    process.stdout.write(
      `${ROUNDS} times a relay was stopped beyond its lease: ${facts.appended} appended, ${inWords(outcome)}; ` +
        `written after the lease: ${late[0]} opt-outs, ${late[1]} states, ${healed.join(' + ')} healed; ` +
        `${held} times the database was held; ` +
        `guard asked ${witness.asked} times, ${witness.saidYes} yes, ${wrong.length} wrong\n`,
    );
    expect(outcome).toMatchObject(WHOLE);
    expect(wrong).toEqual([]);
    for (const relay of relays) expect(await relay.kill('SIGTERM')).toEqual({ code: 0, signal: null });
  },
  FULL ? 1_200_000 : 240_000,
);
