import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { until } from '../faults/until.js';
import { claimPort, type ClaimedPort } from '../kafka/ports.js';
import { killedWithThisProcess } from '../support/watchdog.js';
import { giveTo, unprivilegedAccount, type Account } from './account.js';
import { postgresBinaries } from './binaries.js';
import { copyTemplate, ROOT_ROLE } from './template.js';

export interface PostgresServerOptions {
  /** PostgreSQL's own settings, by their names, beside or instead of the launcher's. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** Durable like a server in production, with memory for tests. */
const SETTINGS = {
  fsync: 'on',
  shared_buffers: '64MB',
  max_connections: '60',
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  log_min_messages: 'warning',
  checkpoint_timeout: '30min',
};

/** Who uses the database, with no right but to make schemas in it: what the documentation asks for. */
const ROLE = 'consent';
const DATABASE = 'consent';

const running = new Set<PostgresServer>();

/** A PostgreSQL of a test's own, from its binaries, on a port that it keeps. */
export class PostgresServer {
  readonly #binaries = postgresBinaries();
  readonly #account: Account = unprivilegedAccount();
  readonly #workDir = mkdtempSync(join(tmpdir(), 'postgres-'));
  readonly #settings: Readonly<Record<string, string>>;
  #port: ClaimedPort | undefined;
  #process: ChildProcess | undefined;
  #said = '';
  #copies = 0;

  constructor({ settings = {} }: PostgresServerOptions = {}) {
    this.#settings = { ...SETTINGS, ...settings };
    running.add(this);
  }

  /** For `DATABASE_URL`. */
  get url(): string {
    return this.urlOf(ROLE, DATABASE);
  }

  urlOf(role: string, database: string): string {
    return `postgres://${role}@127.0.0.1:${this.port}/${database}`;
  }

  get port(): number {
    if (this.#port === undefined) throw new Error('the server was never started');
    return this.#port.port;
  }

  /** Makes the cluster, its role and its database, and starts it. */
  async found(): Promise<void> {
    this.#port = await claimPort();
    giveTo(this.#account, this.#workDir);
    copyTemplate(this.#binaries, this.#account, this.#dataDir);
    await this.start();
    await this.asRoot('postgres', [`CREATE ROLE ${ROLE} LOGIN`, `CREATE DATABASE ${DATABASE}`]);
    await this.asRoot('postgres', [`GRANT CREATE ON DATABASE ${DATABASE} TO ${ROLE}`]);
  }

  /** Resolves once it answers. After a kill it first recovers from its log. */
  async start(): Promise<void> {
    const settings = Object.entries({ ...this.#settings, port: String(this.port) });
    const args = ['-D', this.#dataDir, ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])];
    const child = spawn(join(this.#binaries, 'postgres'), args, {
      ...this.#account,
      cwd: '/',
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#process = child;
    if (child.pid !== undefined) killedWithThisProcess(child, child.pid);
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#said = (this.#said + text).slice(-4_000)));
    const look = () => (this.isRunning ? this.#answers() : Promise.reject(new Error(`it ended: ${this.#said}`)));
    await until('PostgreSQL answers', look);
  }

  /** The postmaster's, whose children do the work. */
  get pid(): number {
    const pid = this.#process?.pid;
    if (pid === undefined) throw new Error('the server was never started');
    return pid;
  }

  get isRunning(): boolean {
    return this.#process?.exitCode === null && this.#process.signalCode === null;
  }

  /** Ends the sessions and writes everything down: what `systemctl stop` does. */
  async stop(): Promise<void> {
    await this.#end(() => this.#process?.kill('SIGINT'));
  }

  /** As if the machine had lost its processes: the postmaster first, so that nobody tidies up. */
  async kill(): Promise<void> {
    await this.#end(() => {
      const pids = this.#pids();
      for (const pid of pids) signal(pid, 'SIGKILL');
    });
  }

  /** The postmaster first: one that goes on may start a session after the others were counted. */
  pause(): void {
    if (this.#process?.pid !== undefined) signal(this.#process.pid, 'SIGSTOP');
    for (const pid of this.#pids()) signal(pid, 'SIGSTOP');
  }

  resume(): void {
    for (const pid of this.#pids()) signal(pid, 'SIGCONT');
  }

  /** Statements as the superuser, each by itself. */
  async asRoot(database: string, statements: readonly string[]): Promise<pg.QueryResult[]> {
    const client = new pg.Client({ connectionString: this.urlOf(ROOT_ROLE, database) });
    await client.connect();
    try {
      const results: pg.QueryResult[] = [];
      for (const statement of statements) results.push(await client.query(statement));
      return results;
    } finally {
      await client.end();
    }
  }

  /** A copy of the data directory of a server that does not run, for `restore`. */
  copy(): string {
    this.#copies += 1;
    const to = join(this.#workDir, `copy-${this.#copies}`);
    execFileSync('cp', ['-a', this.#dataDir, to]);
    return to;
  }

  /** Puts a copy in place of the data of a server that does not run. */
  restore(copy: string): void {
    rmSync(this.#dataDir, { recursive: true });
    execFileSync('cp', ['-a', copy, this.#dataDir]);
  }

  /** Every file's bytes are looked through for these; the server should have written everything down before. */
  holds(bytes: Buffer): boolean {
    const files = execFileSync('find', [this.#dataDir, '-type', 'f'], { encoding: 'utf8' }).trim().split('\n');
    return files.some((file) => readFileSync(file).includes(bytes));
  }

  /** Kills it, and gives back its port and its directory. */
  async remove(): Promise<void> {
    running.delete(this);
    if (this.isRunning) await this.kill();
    this.#port?.release();
    rmSync(this.#workDir, { recursive: true, force: true });
  }

  get #dataDir(): string {
    return join(this.#workDir, 'data');
  }

  async #answers(): Promise<true | undefined> {
    try {
      await this.asRoot('postgres', ['SELECT 1']);
      return true;
    } catch {
      return undefined;
    }
  }

  async #end(by: () => void): Promise<void> {
    const child = this.#process;
    if (!child || !this.isRunning) return;
    const pids = this.#pids();
    const gone = new Promise((resolve) => child.once('exit', resolve));
    by();
    await gone;
    // The next start finds its shared memory in use as long as one of them lives.
    await until('every process of PostgreSQL is gone', () => (pids.some(isAlive) ? undefined : true));
  }

  /** The postmaster, and every process that it started. */
  #pids(): readonly number[] {
    const pid = this.#process?.pid;
    if (pid === undefined) return [];
    const table = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n');
    const pairs = table.map((line) => line.trim().split(/\s+/).map(Number));
    return [pid, ...pairs.flatMap(([child, parent]) => (parent === pid ? (child ?? []) : []))];
  }
}

/** A running server with an empty database. */
export async function startPostgres(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  const server = new PostgresServer(options);
  try {
    await server.found();
    return server;
  } catch (error) {
    await server.remove();
    throw error;
  }
}

/** For `afterAll`: no server outlives its test file. */
export async function removePostgresServers(): Promise<void> {
  await Promise.all([...running].map((server) => server.remove()));
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It ended by itself meanwhile.
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch {
    return false;
  }
}

/** One that nobody reaps, as in a container without an init, holds nothing any more. */
function isZombie(pid: number): boolean {
  try {
    return /\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
