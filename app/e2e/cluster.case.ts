import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createBroker, type TestBroker } from '../../reporting/log/broker.case.ts';
import { startWireServer, type WireServer } from '../../reporting/store/wire.case.ts';
import { type Balancer, startBalancer } from './balancer.case.ts';
import { type ApiAccess, freePort, type RoleProcess, startRole } from './processes.case.ts';

/** One process of a cluster, by a name of its own. */
export interface Member {
  readonly name: string;
  readonly role: 'bidder' | 'ingest' | 'pacer' | 'api';
  /** Where it serves health and metrics. */
  readonly url: string;
  process: RoleProcess;
  /** Starts it again on its port and folder, after it has ended. @param changed settings that differ from now on */
  restart(changed?: readonly string[]): Promise<void>;
}

/** Every role as processes of its own, over a real Kafka broker and a store behind ClickHouse's HTTP interface. */
export interface Cluster extends ApiAccess {
  /** The bidders behind one address. */
  readonly balancer: Balancer;
  readonly broker: TestBroker;
  readonly store: WireServer;
  member(name: string): Member;
  readonly members: readonly Member[];
  /** The signing key all start with, as `ID:HEX`. */
  readonly tokenKey: string;
  /** Ends every process; resolves to the exit codes of the roles by name. */
  stop(): Promise<Readonly<Record<string, number | null>>>;
}

/** Starts 2 bidders, 2 ingests, 2 pacers and 1 API: `bidder-1` … `api-1`. */
export async function startCluster(extra: readonly string[] = []): Promise<Cluster> {
  const dir = mkdtempSync(join(tmpdir(), 'evenkeel-cluster-'));
  // A broker as it comes, which lets a new consumer group wait for company.
  const broker = await createBroker({ rebalanceDelayMs: 3000, minSessionMs: 6000 });
  await broker.start();
  mkdirSync(join(dir, 'clickhouse'));
  const store = await startWireServer(join(dir, 'clickhouse'));
  const bidPorts = [await freePort(), await freePort()];
  const balancer = await startBalancer(bidPorts);
  const tokenKey = `1:${randomBytes(16).toString('hex')}`;
  const operatorKey = `ek_${randomBytes(24).toString('hex')}`;
  const shared = [
    `--kafka-brokers=${broker.address}`,
    `--clickhouse-url=${store.url}`,
    '--clickhouse-password=right',
    `--token-keys=${tokenKey}`,
    `--operator-key=${operatorKey}`,
    `--user-salt=${randomBytes(16).toString('hex')}`,
    `--public-bid-url=${balancer.url}`,
    '--bid-threads=1',
    '--log-level=warn',
    '--trust-forwarded-for',
    ...extra,
  ];

  async function startMember(name: string, port: number): Promise<Member> {
    const role = name.replace(/-\d+$/, '') as Member['role'];
    let flags = [...shared, `--data-dir=${join(dir, name)}`, `--${role === 'bidder' ? 'bid' : 'api'}-port=${port}`];
    const member: Member = {
      name,
      role,
      url: `http://127.0.0.1:${port}`,
      process: await startRole(role, flags),
      async restart(changed = []) {
        flags = [...flags, ...changed];
        member.process = await startRole(role, flags);
      },
    };
    return member;
  }

  const members: Member[] = [];
  async function stop() {
    const codes: Record<string, number | null> = {};
    for (const role of ['bidder', 'api', 'pacer', 'ingest']) {
      const ends = members.filter((member) => member.role === role);
      await Promise.all(
        ends.map(async ({ name, process }) => {
          codes[name] = (await process.end('SIGTERM')).code;
        }),
      );
    }
    await balancer.stop();
    await store.kill();
    await broker.remove();
    rmSync(dir, { recursive: true, force: true });
    return codes;
  }

  try {
    // The first creates topics and tables; several at once would race for them.
    members.push(await startMember('ingest-1', await freePort()));
    const others = ['ingest-2', 'pacer-1', 'pacer-2', 'api-1'].map(async (name) => startMember(name, await freePort()));
    const bidders = bidPorts.map((port, at) => startMember(`bidder-${at + 1}`, port));
    const started = await Promise.allSettled([...others, ...bidders]);
    for (const one of started) if (one.status === 'fulfilled') members.push(one.value);
    const failed = started.find((one) => one.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  } catch (error) {
    await stop();
    throw error;
  }
  const member = (name: string): Member => {
    const found = members.find((one) => one.name === name);
    if (found === undefined) throw new Error(`no member ${name}`);
    return found;
  };
  return { balancer, broker, store, members, member, tokenKey, apiUrl: member('api-1').url, operatorKey, stop };
}
