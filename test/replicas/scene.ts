import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EventStoreProcess } from '../eventstore/server-process.js';
import { startPostgres, type PostgresServer } from '../postgres/server.js';
import { ask, must, type Answer, type Reachable } from '../support/client.js';
import { ProgramProcess, type Environment } from '../support/process.js';
import { baseEnv } from '../support/service.js';
import { until } from '../faults/until.js';

/** One process of the service among others. */
export interface Replica extends Reachable {
  readonly process: ProgramProcess;
  readonly ports: { readonly http: number; readonly grpc: number; readonly metrics: number };
}

/** What `/health/ready` says. */
export interface Health {
  readonly status: number;
  readonly text: string;
  readonly view?: {
    readonly position?: string;
    readonly lagMs: number | null;
    readonly ready: boolean;
    readonly shared?: { readonly position?: string; readonly projecting: boolean; readonly problem?: string };
  };
}

const secret = () => randomBytes(32).toString('base64');

/** One ledger on our server of EventStoreDB's protocol, one PostgreSQL, and any number of replicas over both. */
export class ReplicaScene {
  readonly secrets = { PEPPER: secret(), KEY_ENCRYPTION_KEY: secret(), ADMIN_KEY: secret() };
  readonly #directories: string[] = [];
  readonly #launched: ProgramProcess[] = [];

  private constructor(
    readonly ledger: EventStoreProcess,
    readonly postgres: PostgresServer,
  ) {}

  static async found(): Promise<ReplicaScene> {
    const [ledger, postgres] = await Promise.all([EventStoreProcess.launch(), startPostgres()]);
    return new ReplicaScene(ledger, postgres);
  }

  get servers(): Environment {
    return { EVENTSTORE_URL: this.ledger.url, DATABASE_URL: this.postgres.url, ...this.secrets };
  }

  /** Starts one more; resolves when it is ready to answer. */
  async launch(env: Environment = {}): Promise<Replica> {
    const replica = this.begin(env);
    const line = await until('the replica is ready', () => this.#ready(replica)).catch((error: Error) => {
      throw new Error(`${error.message}; it says: ${replica.stdout}${replica.stderr}`);
    });
    const { http, ports } = JSON.parse(line) as { readonly http: string } & Pick<Replica, 'ports'>;
    return { process: replica, base: http, ports, adminKey: this.secrets.ADMIN_KEY };
  }

  /** Starts one more, and does not wait for it. */
  begin(env: Environment = {}): ProgramProcess {
    const dataDir = mkdtempSync(join(tmpdir(), 'replica-'));
    this.#directories.push(dataDir);
    const replica = new ProgramProcess({ env: { ...baseEnv(dataDir), LOG_LEVEL: 'warn', ...this.servers, ...env } });
    this.#launched.push(replica);
    return replica;
  }

  async remove(): Promise<void> {
    const running = this.#launched.filter((one) => !one.hasExited);
    await Promise.all(running.map((one) => one.kill('SIGKILL')));
    await Promise.all([this.ledger.remove(), this.postgres.remove()]);
    for (const directory of this.#directories) rmSync(directory, { recursive: true, force: true });
  }

  #ready(replica: ProgramProcess): string | undefined {
    if (replica.hasExited) throw new Error(`the replica did not start: ${replica.stderr}`);
    return replica.stdout.split('\n').find((line) => line.startsWith('{"ready":true'));
  }
}

export async function healthOf({ base }: Pick<Reachable, 'base'>): Promise<Health> {
  const response = await fetch(`${base}/health/ready`);
  const text = await response.text();
  const { followers = [] } = JSON.parse(text) as { followers?: readonly ({ name: string } & Health['view'])[] };
  const view = followers.find(({ name }) => name === 'view');
  return { status: response.status, text, ...(view ? { view } : {}) };
}

export function phone(n: number): string {
  return `+39333${String(1_000_000 + n)}`;
}

export function check(replica: Reachable, to: string, more: object = {}): Promise<Answer> {
  const body = { recipient: { phone: to }, channel: 'whatsapp', purpose: 'offers', ...more };
  return ask(replica, 'POST', '/v1/businesses/acme/eligibility', { body });
}

/** The decision; fails where the check is refused. */
export async function decided(replica: Reachable, to: string, more: object = {}): Promise<Answer['body']> {
  return (await must(check(replica, to, more))).body;
}

export function revoke(replica: Reachable, from: string): Promise<Answer> {
  return ask(replica, 'POST', '/v1/businesses/acme/revocations', { body: { recipient: { phone: from } } });
}
