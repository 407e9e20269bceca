import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { killedWithThisProcess } from '../support/watchdog.js';

const JVM = [
  '-Xms128m',
  '-Xmx256m',
  '-XX:+UseSerialGC',
  '-XX:TieredStopAtLevel=1',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
];

/** 22 characters of base64, as a cluster's id has to be. */
const CLUSTER_ID = 'Y29uc2VudC1sZWRnZXItMQ';

const LOG_TAIL = 4000;

/** No file may grow: every write that needs room fails, as on a disk that is full. Rights of the superuser are not needed. */
const NO_ROOM = '--fsize=0:';

/** Who comes over the plain listener, as the launcher and other nodes do, may do all; others what they were given. */
const SECURED = {
  'listener.security.protocol.map': 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SECURED:SASL_PLAINTEXT',
  'listener.name.secured.sasl.enabled.mechanisms': 'PLAIN',
  'listener.name.secured.plain.sasl.jaas.config':
    'org.apache.kafka.common.security.plain.PlainLoginModule required user_relay="relay" user_sender="sender";',
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'super.users': 'User:ANONYMOUS',
};

export interface NodeOptions {
  readonly id: number;
  readonly jars: string;
  /** Ports: the one it listens on for clients, the one for other nodes, and the one that clients are told. */
  readonly client: number;
  readonly controller: number;
  readonly advertised: number;
  /** Where it asks who somebody is; undefined where it asks nobody. */
  readonly secured?: number;
  /** Of all nodes: `1@127.0.0.1:port,…`. */
  readonly voters: string;
  readonly settings: Readonly<Record<string, string>>;
  /** For the node's settings and what it says. */
  readonly workDir: string;
  /** For Kafka's own files. */
  readonly dataDir: string;
  /** Where to leave its classes, once told to end, for `classArchiveOf`. */
  readonly leavesClasses?: string;
}

/**
 * Kafka's classes as a JVM keeps them once it has read and checked them: with it a node starts in half the time. A JVM
 * that cannot use it starts as if it were not there.
 */
export function classArchiveOf(jars: string): string {
  return `${jars}.jsa`;
}

/** One Kafka process, broker and controller in one, on ports and a directory that it keeps from start to start. */
export class KafkaNode {
  private child: ChildProcess | undefined;
  private isDiskFull = false;
  private readonly log: string;
  private readonly config: string;

  constructor(
    private readonly options: NodeOptions,
    private readonly ready: (node: KafkaNode) => Promise<void>,
  ) {
    this.log = join(options.workDir, `node-${options.id}.log`);
    this.config = join(options.workDir, `node-${options.id}.properties`);
    mkdirSync(options.dataDir, { recursive: true });
    const meta = join(options.dataDir, 'meta.properties');
    if (!existsSync(meta))
      writeFileSync(meta, lines({ version: '1', 'cluster.id': CLUSTER_ID, 'node.id': options.id }));
  }

  get id(): number {
    return this.options.id;
  }

  /** `host:port`, as `KAFKA_BROKERS` wants it. */
  get address(): string {
    return `127.0.0.1:${this.options.advertised}`;
  }

  get securedAddress(): string {
    return `127.0.0.1:${this.options.secured}`;
  }

  /** 0 where it was never started. */
  get pid(): number {
    return this.child?.pid ?? 0;
  }

  get isRunning(): boolean {
    return this.child !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Starts it, again on the same ports and directory, and resolves once it takes records. */
  async start(): Promise<void> {
    this.launch();
    await this.ready(this);
  }

  /** Starts the process alone. */
  launch(): void {
    if (this.isRunning) throw new Error(`Kafka node ${this.id} runs already`);
    writeFileSync(this.config, lines(properties(this.options)));
    const log = openSync(this.log, 'a');
    const program = ['java', ...JVM, this.classes, '-cp', join(this.options.jars, '*'), 'kafka.Kafka', this.config];
    const [command = '', ...args] = this.isDiskFull ? ['prlimit', NO_ROOM, ...program] : program;
    const child = spawn(command, args, { stdio: ['ignore', log, log] });
    closeSync(log);
    child.unref();
    child.on('error', () => undefined);
    if (child.pid !== undefined) killedWithThisProcess(child, child.pid);
    this.child = child;
  }

  /** Kills it, as a crash would where nothing else is said; resolves once the process is gone. */
  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.child;
    if (!child || !this.isRunning) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.ref();
    child.kill(signal);
    await gone;
  }

  /** Freezes it: connections stay open and nothing answers. */
  pause(): void {
    this.child?.kill('SIGSTOP');
  }

  resume(): void {
    this.child?.kill('SIGCONT');
  }

  /** From now on no file of it may grow, also after another start: to the process its disk is full. */
  fillDisk(): void {
    this.isDiskFull = true;
    if (this.isRunning) execFileSync('prlimit', ['--pid', String(this.pid), NO_ROOM]);
  }

  /** There is room again for a process that is started from now on. */
  freeDisk(): void {
    this.isDiskFull = false;
  }

  private get classes(): string {
    const { leavesClasses, jars } = this.options;
    return leavesClasses === undefined
      ? `-XX:SharedArchiveFile=${classArchiveOf(jars)}`
      : `-XX:ArchiveClassesAtExit=${leavesClasses}`;
  }

  /** Resolves once the process is gone, however that came. */
  async ended(): Promise<void> {
    const { child } = this;
    if (child && this.isRunning) await new Promise((resolve) => child.once('exit', resolve));
  }

  /** What it said last. */
  tail(): string {
    return existsSync(this.log)
      ? readFileSync(this.log, 'utf8').slice(-LOG_TAIL)
      : 'it could not be started: is java installed?';
  }
}

function properties(options: NodeOptions): Record<string, string | number> {
  const { id, client, controller, advertised, secured, voters, settings, dataDir } = options;
  const asking = secured === undefined ? '' : `,SECURED://127.0.0.1:${secured}`;
  return {
    'node.id': id,
    'process.roles': 'broker,controller',
    'controller.quorum.voters': voters,
    'controller.listener.names': 'CONTROLLER',
    listeners: `PLAINTEXT://127.0.0.1:${client},CONTROLLER://127.0.0.1:${controller}${asking}`,
    'advertised.listeners': `PLAINTEXT://127.0.0.1:${advertised}${asking}`,
    ...(secured === undefined ? {} : SECURED),
    'log.dirs': dataDir,
    ...settings,
  };
}

function lines(values: Readonly<Record<string, string | number>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}=${value}\n`)
    .join('');
}
