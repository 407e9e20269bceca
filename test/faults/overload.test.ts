import { afterEach, describe, expect, it } from '@jest/globals';
import { ask, grantBody, must, registerAcme, type Answer } from '../support/client.js';
import { killLaunched, launchService, type Environment, type ServiceProcess } from '../support/process.js';
import { newDataDirectory, removeDataDirectories } from './data-directory.js';
import { FULL, figure, percentile } from './full.js';
import { recipientIdsOf } from './record.js';
import { decide } from './verdicts.js';
import { phoneNumbers } from './writers.js';

const FLOOD = 200;
const REVOKERS = 8;
const REVOCATIONS = FULL ? 400 : 24;
const MUCH_LATER = 5_000_000;

const grants = '/v1/businesses/acme/grants';
const revocations = '/v1/businesses/acme/revocations';

/** Many grant, without a pause, until they are told to stop; what they were answered, by status and code. */
class Flood {
  readonly answers = new Map<string, number>();
  readonly hurried: Answer[] = [];
  readonly granted: string[] = [];
  private person = MUCH_LATER;
  private readonly stopping = new AbortController();
  private readonly writers: Promise<unknown>;
  private refusedOnce!: () => void;
  readonly refused = new Promise<void>((resolve) => (this.refusedOnce = resolve));

  constructor(private readonly service: ServiceProcess) {
    this.writers = Promise.all(Array.from({ length: FLOOD }, () => this.write()));
  }

  async end(): Promise<void> {
    this.stopping.abort();
    await this.writers;
  }

  private async write(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      const [phone = ''] = phoneNumbers(1, this.person++);
      const answer = await ask(this.service, 'POST', grants, { body: grantBody(phone) });
      const said = `${answer.status} ${answer.status === 201 ? '' : String(answer.body.code)}`.trim();
      this.answers.set(said, (this.answers.get(said) ?? 0) + 1);
      if (answer.status === 201) this.granted.push(phone);
      else this.refuse(answer);
    }
  }

  private refuse(answer: Answer): void {
    if (answer.headers.get('retry-after') === null) this.hurried.push(answer);
    this.refusedOnce();
  }
}

/** Eight revoke one person after the other; milliseconds until each was acknowledged. */
async function revokeAll(service: ServiceProcess, phones: readonly string[]): Promise<readonly number[]> {
  const latencies: number[] = [];
  const left = [...phones];
  const revokeOn = async () => {
    for (let phone = left.pop(); phone !== undefined; phone = left.pop()) {
      const asked = performance.now();
      const answer = await ask(service, 'POST', revocations, { body: { recipient: { phone } } });
      expect([answer.status, answer.body.code]).toEqual([201, undefined]);
      latencies.push(performance.now() - asked);
    }
  };
  await Promise.all(Array.from({ length: REVOKERS }, revokeOn));
  return latencies;
}

describe(`a flood of ${FLOOD} writers`, () => {
  let service: ServiceProcess;

  const start = async (env: Environment) => {
    service = await launchService(newDataDirectory(), { env });
    await registerAcme(service);
  };

  afterEach(async () => {
    await killLaunched();
    removeDataDirectories();
  });

  const LIMITS: readonly (readonly [string, Environment])[] = [
    ['the queue of appends', { APPEND_QUEUE_MAX: '4' }],
    ['the requests in work', { IN_FLIGHT_MAX: '8' }],
  ];

  it.each(LIMITS)(
    'fills %s: others are told to wait, revocations are acknowledged',
    async (limit, env) => {
      await start(env);
      const phones = phoneNumbers(REVOCATIONS);
      for (const phone of phones.slice(0, 8)) await must(ask(service, 'POST', grants, { body: grantBody(phone) }));

      const flood = new Flood(service);
      await flood.refused;
      const latencies = await revokeAll(service, phones);
      const health = await fetch(`${service.base}/health/live`);
      await flood.end();

      expect(latencies).toHaveLength(REVOCATIONS);
      expect(health.status).toBe(200);
      expect([...flood.answers.keys()].sort()).toEqual(['201', '503 OVERLOADED']);
      expect(flood.hurried).toEqual([]);
      expect(service.process.hasExited).toBe(false);
      const told = [...flood.answers].map(([said, count]) => `${count} × ${said}`).join(', ');
      figure(
        `overload of ${limit}: ${told}; ${REVOCATIONS} revocations by ${REVOKERS}, p50 ${percentile(latencies, 0.5).toFixed(1)} ms, ` +
          `p99 ${percentile(latencies, 0.99).toFixed(1)} ms`,
      );

      await expectNormal(phones, flood.granted);
    },
    FULL ? 300_000 : 180_000,
  );

  /** Afterwards everything is as it was acknowledged, and a grant goes through again. */
  const expectNormal = async (revoked: readonly string[], granted: readonly string[]) => {
    expect((await must(ask(service, 'POST', grants, { body: grantBody('+393339999999') }))).status).toBe(201);
    expect((await fetch(`${service.base}/health/ready`)).status).toBe(200);
    const question = { channel: 'whatsapp', purpose: 'offers' };
    for (const recipientId of await recipientIdsOf(service, revoked)) {
      expect(await decide(service, recipientId, question)).toMatchObject({ eligible: false, reason: 'REVOKED' });
    }
    for (const recipientId of await recipientIdsOf(service, granted.slice(0, 50))) {
      expect(await decide(service, recipientId, question)).toMatchObject({ eligible: true, reason: 'CONSENTED' });
    }
  };
});
