import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const pom = join(root, 'deploy', 'kafka', 'pom.xml');

/** A real Apache Kafka broker in a directory of its own, to be killed and started again on the same port. */
export interface TestBroker {
  /** `host:port` without a login. */
  readonly address: string;
  /** `host:port` that wants user `evenkeel`, password `right`. */
  readonly saslAddress: string;
  start(): Promise<void>;
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Stops it and removes its data. */
  remove(): Promise<void>;
}

/** Why Kafka tests cannot run here, or null. Said aloud; an error where skipping is not allowed. */
export function kafkaMissing(): string | null {
  const missing = ['java', 'mvn'].filter((tool) => spawnSync(tool, ['-version'], { stdio: 'ignore' }).status !== 0);
  if (missing.length === 0) return null;
  const reason = `Kafka tests need ${missing.join(' and ')}: install a Java 17 runtime and Maven.`;
  if (process.env.EVENKEEL_REQUIRE_ALL_TESTS) throw new Error(reason);
  console.warn(`SKIPPED: ${reason}`);
  return reason;
}

/** Formats a broker with both roles (KRaft) on free ports. Nothing runs before `start`. */
export async function createBroker(): Promise<TestBroker> {
  const jars = resolveJars();
  const dir = mkdtempSync(join(tmpdir(), 'evenkeel-kafka-'));
  const [port, sasl, controller] = [await freePort(), await freePort(), await freePort()] as const;
  const properties = join(dir, 'server.properties');
  writeFileSync(properties, serverProperties(dir, port, sasl, controller));
  const classpath = join(jars, '*');
  // 16 bytes as base64url; one that began with a dash would be read as a flag.
  const clusterId = Buffer.from(randomUUID().replaceAll('-', ''), 'hex').toString('base64url').replace(/^-/, 'k');
  execFileSync('java', ['-cp', classpath, 'kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', properties], {
    stdio: 'ignore',
  });
  let broker: ChildProcess | null = null;
  const heap = ['-Xmx384m', '-Xms64m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto'];

  async function kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (broker === null || broker.exitCode !== null || broker.signalCode !== null) return;
    const ended = once(broker, 'exit');
    broker.kill(signal);
    await ended;
    broker = null;
  }

  return {
    address: `127.0.0.1:${port}`,
    saslAddress: `127.0.0.1:${sasl}`,
    async start() {
      broker = spawn('java', [...heap, '-cp', classpath, 'kafka.Kafka', properties], { stdio: 'ignore' });
      await listening(port, broker);
    },
    kill,
    async remove() {
      await kill();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** The broker's jars, fetched by Maven once per version into a directory that git ignores. */
function resolveJars(): string {
  const version =
    /<artifactId>kafka_2\.13<\/artifactId>\s*<version>([^<]+)</.exec(readFileSync(pom, 'utf8'))?.[1] ?? '';
  const dir = join(root, '.build', `kafka-${version}`);
  if (existsSync(dir)) return dir;
  const partial = `${dir}.partial-${process.pid}`;
  mkdirSync(partial, { recursive: true });
  execFileSync('mvn', ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${partial}`], {
    stdio: 'inherit',
  });
  // Whoever is first wins; the result is the same.
  if (!existsSync(dir)) renameSync(partial, dir);
  return dir;
}

function serverProperties(dir: string, port: number, sasl: number, controller: number): string {
  return [
    'process.roles=broker,controller',
    'node.id=1',
    `controller.quorum.voters=1@127.0.0.1:${controller}`,
    'controller.listener.names=CONTROLLER',
    `listeners=PLAINTEXT://127.0.0.1:${port},LOGIN://127.0.0.1:${sasl},CONTROLLER://127.0.0.1:${controller}`,
    `advertised.listeners=PLAINTEXT://127.0.0.1:${port},LOGIN://127.0.0.1:${sasl}`,
    'listener.security.protocol.map=PLAINTEXT:PLAINTEXT,LOGIN:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name=PLAINTEXT',
    'sasl.enabled.mechanisms=PLAIN',
    'listener.name.login.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_evenkeel="right";',
    `log.dirs=${join(dir, 'data')}`,
    'auto.create.topics.enable=false',
    'offsets.topic.replication.factor=1',
    'offsets.topic.num.partitions=1',
    'transaction.state.log.replication.factor=1',
    'transaction.state.log.min.isr=1',
    'share.coordinator.state.topic.replication.factor=1',
    'share.coordinator.state.topic.min.isr=1',
    'group.initial.rebalance.delay.ms=0',
    'group.min.session.timeout.ms=1000',
    // A test's session may be short; the machine may die at any time in production, never in a test.
    'log.flush.interval.messages=1000',
    '',
  ].join('\n');
}

async function listening(port: number, broker: ChildProcess): Promise<void> {
  for (let waited = 0; waited < 60_000; waited += 100) {
    if (broker.exitCode !== null) throw new Error(`the broker ended with ${broker.exitCode}`);
    if (await canConnect(port)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('the broker did not listen within 60 s');
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** A port nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
