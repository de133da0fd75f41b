import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../../core/packageroot.ts';
import { type Certificates, makeCertificates } from './certificates.case.ts';

const root = packageRoot();
const pom = join(root, 'deploy', 'kafka', 'pom.xml');

/** The user every login listener knows. */
export const brokerUser = { username: 'evenkeel', password: 'right' };

/** A real Apache Kafka broker in a directory of its own, to be killed and started again on the same ports. */
export interface TestBroker {
  /** The broker's number in its cluster, from 1. */
  readonly id: number;
  /** `host:port` without a login. */
  readonly address: string;
  /** `host:port` that wants `brokerUser` (SASL PLAIN). */
  readonly saslAddress: string;
  /** `host:port` that wants TLS and `brokerUser` (SCRAM-SHA-512); '' without `tls`. */
  readonly tlsAddress: string;
  /** PEM of who signed the broker's certificate; '' without `tls`. */
  readonly ca: string;
  start(): Promise<void>;
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Stops it and removes its data. */
  remove(): Promise<void>;
}

export interface BrokerOptions {
  /** With a TLS listener, whose certificate is made by openssl. Default false. */
  readonly tls?: boolean;
  /** How long a group that was empty waits for more members, milliseconds. Default 0; Kafka's own 3,000. */
  readonly rebalanceDelayMs?: number;
  /** The shortest session a member may ask for, milliseconds. Default 1,000; Kafka's own 6,000. */
  readonly minSessionMs?: number;
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

/** Makes a broker with both roles (KRaft) on free ports. Nothing runs before `start`. */
export async function createBroker(options: BrokerOptions = {}): Promise<TestBroker> {
  const [broker] = await createCluster(1, options);
  return broker!;
}

/** The same for a cluster; internal topics have as many copies as it has brokers. Start the brokers together. */
export async function createCluster(size: number, options: BrokerOptions = {}): Promise<readonly TestBroker[]> {
  const jars = resolveJars();
  const places: Place[] = [];
  for (let id = 1; id <= size; id++) {
    const [port, sasl, tls, controller] = [await freePort(), await freePort(), await freePort(), await freePort()];
    places.push({ id, dir: mkdtempSync(join(tmpdir(), 'evenkeel-kafka-')), port, sasl, tls, controller });
  }
  return places.map((place) => {
    const certificates = options.tls === true ? makeCertificates(place.dir) : null;
    const properties = join(place.dir, 'server.properties');
    writeFileSync(
      properties,
      [...serverProperties(place, places, options), ...tlsProperties(place, certificates)].join('\n'),
    );
    cpSync(formatted(jars, place.id), join(place.dir, 'data'), { recursive: true });
    return brokerAt(jars, place, properties, certificates?.ca ?? '');
  });
}

interface Place {
  readonly id: number;
  readonly dir: string;
  readonly port: number;
  readonly sasl: number;
  readonly tls: number;
  readonly controller: number;
}

const heap = ['-Xmx384m', '-Xms64m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Xshare:auto'];

function brokerAt(jars: string, { id, dir, port, sasl, tls }: Place, properties: string, ca: string): TestBroker {
  let broker: ChildProcess | null = null;
  async function kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (broker === null || broker.exitCode !== null || broker.signalCode !== null) return;
    const ended = once(broker, 'exit');
    broker.kill(signal);
    await ended;
    broker = null;
  }
  return {
    id,
    address: `127.0.0.1:${port}`,
    saslAddress: `127.0.0.1:${sasl}`,
    tlsAddress: ca === '' ? '' : `127.0.0.1:${tls}`,
    ca,
    async start() {
      const args = [...heap, '-cp', join(jars, '*'), 'kafka.Kafka', properties];
      broker = spawn('java', args, { stdio: 'ignore' });
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
  return madeOnce(join(root, '.build', `kafka-${version}`), (partial) => {
    execFileSync('mvn', ['-q', '-B', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${partial}`], {
      stdio: 'inherit',
    });
  });
}

/** The empty data directory of a broker, made once: formatting starts a Java of its own. All share one cluster id. */
function formatted(jars: string, id: number): string {
  const clusterId = Buffer.from('evenkeel-testing').toString('base64url');
  return madeOnce(`${jars}-formatted-${id}`, (partial) => {
    const dir = mkdtempSync(join(tmpdir(), 'evenkeel-kafka-format-'));
    const properties = join(dir, 'server.properties');
    const place = { id, dir, port: 1, sasl: 2, tls: 3, controller: 4 };
    writeFileSync(properties, serverProperties(place, [place], {}).join('\n'));
    const { username, password } = brokerUser;
    const scram = ['--add-scram', `SCRAM-SHA-512=[name=${username},password=${password}]`];
    const args = ['kafka.tools.StorageTool', 'format', '-t', clusterId, '-c', properties, ...scram];
    execFileSync('java', ['-cp', join(jars, '*'), ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
    cpSync(join(dir, 'data'), partial, { recursive: true });
    rmSync(dir, { recursive: true, force: true });
  });
}

/** Makes a directory unless it is there. Whoever is first wins; the result is the same. */
function madeOnce(dir: string, make: (partial: string) => void): string {
  if (existsSync(dir)) return dir;
  const partial = `${dir}.partial-${process.pid}`;
  mkdirSync(partial, { recursive: true });
  make(partial);
  if (existsSync(dir)) rmSync(partial, { recursive: true, force: true });
  else renameSync(partial, dir);
  return dir;
}

function serverProperties(place: Place, all: readonly Place[], options: BrokerOptions): string[] {
  const { id, dir, port, sasl, controller } = place;
  const listeners = [`PLAINTEXT://127.0.0.1:${port}`, `LOGIN://127.0.0.1:${sasl}`];
  if (options.tls === true) listeners.push(`TLS://127.0.0.1:${place.tls}`);
  const copies = all.length;
  const inSync = Math.max(1, copies - 1);
  const login = 'org.apache.kafka.common.security.plain.PlainLoginModule';
  return [
    'process.roles=broker,controller',
    `node.id=${id}`,
    `controller.quorum.voters=${all.map((each) => `${each.id}@127.0.0.1:${each.controller}`).join(',')}`,
    'controller.listener.names=CONTROLLER',
    `listeners=${[...listeners, `CONTROLLER://127.0.0.1:${controller}`].join(',')}`,
    `advertised.listeners=${listeners.join(',')}`,
    'listener.security.protocol.map=PLAINTEXT:PLAINTEXT,LOGIN:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT,TLS:SASL_SSL',
    'inter.broker.listener.name=PLAINTEXT',
    'sasl.enabled.mechanisms=PLAIN',
    `listener.name.login.plain.sasl.jaas.config=${login} required user_${brokerUser.username}="${brokerUser.password}";`,
    `log.dirs=${join(dir, 'data')}`,
    'auto.create.topics.enable=false',
    `offsets.topic.replication.factor=${copies}`,
    'offsets.topic.num.partitions=1',
    `transaction.state.log.replication.factor=${copies}`,
    `transaction.state.log.min.isr=${inSync}`,
    `share.coordinator.state.topic.replication.factor=${copies}`,
    `share.coordinator.state.topic.min.isr=${inSync}`,
    `group.initial.rebalance.delay.ms=${options.rebalanceDelayMs ?? 0}`,
    `group.min.session.timeout.ms=${options.minSessionMs ?? 1000}`,
    // Members of a cluster notice a dead one soon: a test waits for it.
    'broker.session.timeout.ms=4000',
    'broker.heartbeat.interval.ms=500',
    // A test's session may be short; the machine may die at any time in production, never in a test.
    'log.flush.interval.messages=1000',
    '',
  ];
}

function tlsProperties({ dir }: Place, certificates: Certificates | null): string[] {
  if (certificates === null) return [];
  const store = join(dir, 'server.pem');
  writeFileSync(store, `${certificates.key}${certificates.certificate}`, { mode: 0o600 });
  const scram = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';
  return [
    'listener.name.tls.ssl.keystore.type=PEM',
    `listener.name.tls.ssl.keystore.location=${store}`,
    'listener.name.tls.sasl.enabled.mechanisms=SCRAM-SHA-512',
    `listener.name.tls.scram-sha-512.sasl.jaas.config=${scram}`,
    '',
  ];
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
