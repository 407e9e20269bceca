import { startGuard, type Guard, type GuardOptions } from '#sender-guard';
import type { StoredEvent } from '#event-store';
import { newDataDirectory, removeDataDirectories } from '../../faults/data-directory.js';
import type { Chance } from '../../faults/full.js';
import { misplaced, recipientIdsOf, scanOf } from '../../faults/record.js';
import { Writers, phoneNumbers } from '../../faults/writers.js';
import { registerAcme } from '../../support/client.js';
import { killLaunched, launchService, type Environment, type ServiceProcess } from '../../support/process.js';
import { stopBrokers } from '../broker.js';
import { inWords, outcomeOf, type Outcome } from './outcome.js';
import { Witness, agree, readUpTo } from './witness.js';

const LIVE_MS = 60_000;
const WRITERS = 4;
const PEOPLE = 30;

export interface StageOptions {
  readonly brokers: string[];
  readonly chance: Chance;
  readonly people?: number;
  readonly guard?: Partial<GuardOptions>;
  readonly env?: Environment;
}

export interface Verdict extends Outcome {
  /** What was acknowledged and is not in the ledger. */
  readonly unkept: readonly string[];
  /** Yeses that the ledger does not allow, and opt-outs that the guard never told of. */
  readonly wrong: readonly unknown[];
  readonly unheard: readonly string[];
  /** Times that the guard read everything anew. */
  readonly reloads: number;
}

const open = new Set<Stage>();

/** The real service on a real cluster, writers that tell it things, and a guard that a witness asks all the time. */
export class Stage {
  private constructor(
    readonly brokers: string[],
    readonly service: ServiceProcess,
    readonly recipientIds: readonly string[],
    readonly guard: Guard,
    readonly writers: Writers,
    private readonly witness: Witness,
  ) {
    open.add(this);
  }

  /** Resolves once the guard is LIVE. */
  static async open({ brokers, chance, people = PEOPLE, guard = {}, env = {} }: StageOptions): Promise<Stage> {
    const service = await launchService(newDataDirectory(), { env: { KAFKA_BROKERS: brokers.join(','), ...env } });
    await registerAcme(service);
    const phones = phoneNumbers(people);
    const recipientIds = await recipientIdsOf(service, phones);
    const opened = startGuard({ brokers, ...guard });
    await opened.live(AbortSignal.timeout(LIVE_MS));
    const witness = new Witness(opened, recipientIds);
    return new Stage(brokers, service, recipientIds, opened, new Writers(chance, phones), witness);
  }

  /** Writers write from before `deed` until it has resolved; then everything told is acknowledged. */
  async whileWriting(deed: () => Promise<void>): Promise<void> {
    const stopping = new AbortController();
    const writing = this.writers.write(this.service, WRITERS, stopping.signal);
    await deed().finally(() => stopping.abort());
    await writing;
    await this.writers.retryOpen(this.service);
  }

  scan(): Promise<readonly StoredEvent[]> {
    return scanOf(this.service.dataDir);
  }

  /** What has come of it all, once the topics and the guard had their time. Prints it after `what`. */
  async judge(what: string): Promise<Verdict> {
    const { brokers, service, guard, witness, writers } = this;
    const scanned = await this.scan();
    const outcome = await outcomeOf(brokers, scanned);
    const stops = scanned.filter(({ type }) => type === 'ConsentRevoked');
    await readUpTo(guard, stops.at(-1));
    await guard.live(AbortSignal.timeout(LIVE_MS));
    await agree(service, guard, this.recipientIds);
    witness.stop();
    const [wrong, unheard] = [witness.wrong(scanned), witness.unheard(stops)];
    const { reloads, restarts } = guard.metrics();
    process.stdout.write(
      `${what}: ${writers.acknowledged.length} acknowledged, ${inWords(outcome)}; ` +
        `guard asked ${witness.asked} times, ${witness.saidYes} yes, ${wrong.length} wrong, ${restarts} consumers replaced, ${reloads} reloads\n`,
    );
    return { ...outcome, unkept: misplaced(writers.acknowledged, scanned), wrong, unheard, reloads };
  }

  async close(): Promise<void> {
    open.delete(this);
    this.witness.stop();
    await this.guard.close();
  }
}

/** For `afterEach`: nothing that a test started outlives it. */
export async function closeStages(): Promise<void> {
  await Promise.all([...open].map((stage) => stage.close()));
  await killLaunched();
  await stopBrokers();
  removeDataDirectories();
}

/** As it must be, whatever broke. */
export const UNHARMED = {
  ...{ missing: [], missingChanges: [], disordered: [], otherStates: [] },
  ...{ unkept: [], wrong: [], unheard: [], reloads: 0 },
};
