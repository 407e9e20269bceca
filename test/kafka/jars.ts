import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

export type KafkaVersion = '3.9.1' | '4.1.1';

const POM = join(process.cwd(), 'test', 'kafka', 'pom.xml');

/** How long Maven may take. A slow line needs minutes for the 46 MB. */
const DOWNLOAD_MS = 600_000;

/** The directory of Kafka's jars. The first call for a version has Maven fetch them; later ones find them there. */
export async function kafkaJars(version: KafkaVersion): Promise<string> {
  const pom = createHash('sha256').update(readFileSync(POM)).digest('hex').slice(0, 12);
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'consent-ledger');
  const jars = join(cache, `kafka-${version}-${pom}`);
  if (!existsSync(jars)) await fetchInto(cache, jars, version);
  return jars;
}

/** Two workers may both fetch: each into a directory of its own, and the first whole one gets the name. */
async function fetchInto(cache: string, jars: string, version: KafkaVersion): Promise<void> {
  mkdirSync(cache, { recursive: true });
  const own = mkdtempSync(`${jars}.part-`);
  try {
    process.stdout.write(`fetching Kafka ${version} with Maven, once, about 46 MB …\n`);
    await maven(version, own);
    renameSync(own, jars);
  } catch (error) {
    if (!existsSync(jars)) throw error;
  } finally {
    rmSync(own, { recursive: true, force: true });
  }
}

function maven(version: KafkaVersion, directory: string): Promise<void> {
  const goal = ['dependency:copy-dependencies', `-DoutputDirectory=${directory}`, `-Dkafka.version=${version}`];
  const child = spawn('mvn', ['-q', '-B', '-f', POM, ...goal], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: DOWNLOAD_MS,
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  return new Promise((resolve, reject) => {
    child.once('error', () =>
      reject(
        new Error('the Kafka tests need Maven (mvn) and Java 17 (java): install maven and openjdk-17-jre-headless'),
      ),
    );
    child.once('close', (code) => (code === 0 ? resolve() : reject(new Error(`Maven could not fetch Kafka: ${said}`))));
  });
}
