import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { kafkaJars, type KafkaVersion } from './jars.js';
import { classArchiveOf, KafkaNode, type NodeOptions } from './node.js';
import { claimPort, type ClaimedPort } from './ports.js';
import { untilReady } from './ready.js';

export type { KafkaNode } from './node.js';

export interface BrokerOptions {
  /** Beside or instead of the launcher's own, by Kafka's names. */
  readonly settings?: Readonly<Record<string, string>>;
  /** For Kafka's own files; kept after `stop`. Otherwise a directory that `stop` removes. */
  readonly dataDir?: string;
  readonly version?: KafkaVersion;
  /** Whether it also listens where it asks for a name, `relay` or `sender`, the same as password, and lets do what was granted. */
  readonly secured?: boolean;
  /** Told the port that a node listens on; answers the one that clients are to use, e.g. of a proxy before it. */
  readonly before?: (port: number) => Promise<number>;
}

export interface ClusterOptions extends BrokerOptions {
  readonly nodes?: number;
}

/** What is asked of every test broker: small, quick to start again, and no topic that nobody made. */
const COMMON = {
  'auto.create.topics.enable': 'false',
  'group.initial.rebalance.delay.ms': '0',
  'offsets.topic.num.partitions': '1',
  'transaction.state.log.num.partitions': '1',
  'log.cleaner.dedupe.buffer.size': '2097152',
  'num.network.threads': '2',
  'num.io.threads': '4',
};

/** A node that comes back must first outlive its own session; a busy machine must not lose one for a hiccup. */
const ALONE = { 'broker.session.timeout.ms': '1000', 'broker.heartbeat.interval.ms': '200' };
const TOGETHER = { 'broker.session.timeout.ms': '3000', 'broker.heartbeat.interval.ms': '500' };

const running = new Set<KafkaCluster>();

/** Kafka nodes that form one cluster. */
export class KafkaCluster {
  private readonly ports: ClaimedPort[] = [];
  private readonly workDir = mkdtempSync(join(tmpdir(), 'kafka-'));
  readonly nodes: KafkaNode[] = [];

  constructor() {
    running.add(this);
  }

  /** For `KAFKA_BROKERS`. */
  get brokers(): string[] {
    return this.nodes.map(({ address }) => address);
  }

  async start(jars: string, count: number, options: BrokerOptions & Pick<NodeOptions, 'leavesClasses'>): Promise<void> {
    const { settings = {}, dataDir = this.workDir, before = async (port: number) => port, leavesClasses } = options;
    const places = await Promise.all(range(count).map((id) => this.place(id, before, options.secured === true)));
    const voters = places.map(({ id, controller }) => `${id}@127.0.0.1:${controller}`).join(',');
    const all = { ...COMMON, ...(count === 1 ? ALONE : TOGETHER), ...replication(count), ...settings };
    for (const place of places) {
      const own = {
        ...place,
        jars,
        voters,
        settings: all,
        workDir: this.workDir,
        dataDir: join(dataDir, `node-${place.id}`),
        ...(leavesClasses === undefined ? {} : { leavesClasses }),
      };
      this.nodes.push(new KafkaNode(own, (node) => untilReady(node, count)));
    }
    await Promise.all(this.nodes.map((node) => node.start()));
  }

  /** Kills what still runs and gives back ports and directories. */
  async stop(): Promise<void> {
    running.delete(this);
    await Promise.all(this.nodes.map((node) => node.kill()));
    for (const port of this.ports.splice(0)) port.release();
    rmSync(this.workDir, { recursive: true, force: true });
  }

  private async place(id: number, before: (port: number) => Promise<number>, isSecured: boolean) {
    const [client, controller] = await Promise.all([claimPort(), claimPort()]);
    this.ports.push(client, controller);
    const place = { id, client: client.port, controller: controller.port, advertised: await before(client.port) };
    if (!isSecured) return place;
    const secured = await claimPort();
    this.ports.push(secured);
    return { ...place, secured: secured.port };
  }
}

/** A single node: what can be done to it is the node's own. */
export class Broker {
  private constructor(
    private readonly cluster: KafkaCluster,
    private readonly node: KafkaNode,
  ) {}

  static of(cluster: KafkaCluster): Broker {
    const [node] = cluster.nodes;
    if (!node) throw new Error('a cluster without nodes');
    return new Broker(cluster, node);
  }

  /** For `KAFKA_BROKERS`. */
  get brokers(): string[] {
    return this.cluster.brokers;
  }

  /** The same where it asks who somebody is. */
  get securedBrokers(): string[] {
    return this.cluster.nodes.map(({ securedAddress }) => securedAddress);
  }

  get pid(): number {
    return this.node.pid;
  }

  kill(): Promise<void> {
    return this.node.kill();
  }

  start(): Promise<void> {
    return this.node.start();
  }

  /** Starts the process alone, which may not live. */
  launch(): void {
    this.node.launch();
  }

  ended(): Promise<void> {
    return this.node.ended();
  }

  fillDisk(): void {
    this.node.fillDisk();
  }

  freeDisk(): void {
    this.node.freeDisk();
  }

  pause(): void {
    this.node.pause();
  }

  resume(): void {
    this.node.resume();
  }

  stop(): Promise<void> {
    return this.cluster.stop();
  }
}

/** One Kafka node that takes records. */
export async function startBroker({ version = '3.9.1', ...options }: BrokerOptions = {}): Promise<Broker> {
  const cluster = await start(version, 1, options);
  return Broker.of(cluster);
}

/** Nodes with replication to all of them and, from three on, two in-sync replicas for an acknowledgement. */
export function startCluster({ version = '4.1.1', nodes = 3, ...options }: ClusterOptions = {}): Promise<KafkaCluster> {
  return start(version, nodes, options);
}

/** For `afterAll`: no broker outlives its test file. */
export async function stopBrokers(): Promise<void> {
  await Promise.all([...running].map((cluster) => cluster.stop()));
}

async function start(version: KafkaVersion, count: number, options: BrokerOptions): Promise<KafkaCluster> {
  const jars = await kafkaJars(version);
  if (!existsSync(classArchiveOf(jars))) await archiveClasses(jars);
  const cluster = new KafkaCluster();
  try {
    await cluster.start(jars, count, options);
    return cluster;
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

/** Once for all that start later: two workers may both do it, and the last one's stays. */
async function archiveClasses(jars: string): Promise<void> {
  const archive = classArchiveOf(jars);
  const leavesClasses = `${archive}.part-${process.pid}`;
  const cluster = new KafkaCluster();
  try {
    await cluster.start(jars, 1, { leavesClasses });
    await cluster.nodes[0]?.kill('SIGTERM');
  } finally {
    await cluster.stop();
  }
  // A JVM that cannot leave any is not asked again.
  if (!existsSync(leavesClasses)) writeFileSync(leavesClasses, '');
  renameSync(leavesClasses, archive);
}

function replication(count: number): Record<string, string> {
  const replicas = String(count);
  const inSync = String(Math.min(2, Math.ceil(count / 2)));
  return {
    'default.replication.factor': replicas,
    'min.insync.replicas': inSync,
    'offsets.topic.replication.factor': replicas,
    'transaction.state.log.replication.factor': replicas,
    'transaction.state.log.min.isr': inSync,
  };
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1);
}
