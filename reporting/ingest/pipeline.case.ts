import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { expect } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { packageRoot } from '../../core/packageroot.ts';
import { createKafkaLog } from '../log/kafka.ts';
import { createSpooledLog, type SpooledLog } from '../log/spool.ts';
import { openStore } from '../store/clickhouse.ts';
import { startWireServer, type WireServer } from '../store/wire.case.ts';
import { differences } from './audit.case.ts';
import { replay } from './replay.ts';
import { createTraffic, type Truth, testKey } from './truth.case.ts';

const main = join(packageRoot(), 'dist', 'reporting', 'ingest', 'ingester.case.js');

/** An ingest process and what it said. */
export interface Member {
  readonly child: ChildProcess;
  /** Partitions of `events` it has now. */
  readonly partitions: ReadonlySet<number>;
  /** How often it said a word. */
  said(word: string): number;
  /** Waits for its end. @returns the signal that ended it */
  ended(): Promise<string | null>;
}

/** Traffic → spool → Kafka → ingest processes → a ClickHouse over HTTP, every part to be broken. */
export interface Pipeline {
  readonly spool: SpooledLog;
  /** How often each fault of the store fired, over all its lives. */
  fired(): ReadonlyMap<string, number>;
  startMember(die?: string): Member;
  /** Kills the store and starts it again on its port, with faults or none. */
  restartStore(faults?: readonly string[]): Promise<void>;
  /** Stops the traffic; waits until Kafka has everything and the store has all of Kafka. */
  settle(): Promise<void>;
  /** Compares the store with what was sent. @returns the truth */
  reconcile(): Promise<Truth>;
  /** Decides all of Kafka anew into a new table and swaps it in. Nobody may ingest meanwhile. @returns records */
  replay(): Promise<number>;
  stop(): Promise<void>;
}

/** @param brokers addresses of running brokers @param copies of each topic */
export async function startPipeline(brokers: readonly string[], copies: number, seed: number): Promise<Pipeline> {
  const dir = mkdtempSync(join(tmpdir(), 'evenkeel-pipeline-'));
  const startedMs = systemClock.nowMs();
  const topicPrefix = `p${seed}-`;
  const past = new Map<string, number>();
  const members: Member[] = [];
  let server: WireServer = await startWireServer(join(dir, 'clickhouse'));
  const spool = createSpooledLog(
    { dir: join(dir, 'spool') },
    {
      connect: () => createKafkaLog({ brokers, topicPrefix, partitions: 3, replication: copies }),
      clock: systemClock,
      logger: pino({ level: 'silent' }),
      registry: new Registry(),
    },
  );
  await spool.bounds('events');
  const traffic = createTraffic(seed, seed);
  let sending = true;
  const sender = (async () => {
    while (sending) {
      await spool.append('events', traffic.next(20, systemClock.nowMs()));
      await pause(25);
    }
  })();
  const openServer = () => openStore({ at: { server: { url: server.url, username: 'default', password: 'right' } } });
  const kept = async (): Promise<number> => {
    const bounds = await spool.bounds('events');
    return bounds.reduce((sum, { first, end }) => sum + end - first, 0);
  };

  return {
    spool,
    fired() {
      const all = new Map(past);
      for (const [name, count] of server.fired) all.set(name, (all.get(name) ?? 0) + count);
      return all;
    },
    startMember(die = 'never:0') {
      const where = ['--kafka', brokers.join(','), '--prefix', topicPrefix, '--clickhouse', server.url];
      const member = memberOf([main, ...where, '--die', die]);
      members.push(member);
      return member;
    },
    async restartStore(faults = []) {
      const { port } = server;
      await server.kill();
      for (const [name, count] of server.fired) past.set(name, (past.get(name) ?? 0) + count);
      server = await startWireServer(join(dir, 'clickhouse'), { port, faults });
    },
    async settle() {
      sending = false;
      await sender;
      while ((await spool.backlog()) > 0) await pause(50);
      const store = await openServer();
      while ((await store.audit()).rows < (await kept())) await pause(200);
      await store.close();
    },
    async reconcile() {
      const store = await openServer();
      const found = await differences(store, traffic.truth, startedMs - 27 * 3_600_000, systemClock.nowMs());
      const { rows, accepted, faults } = await store.audit();
      await store.close();
      expect(faults).toEqual([]);
      // What the spool hands over twice after a lost answer is one record more in the log and refused by the count.
      expect(found.filter((line) => !line.startsWith('received'))).toEqual([]);
      expect(accepted).toBe(traffic.truth.statuses.accepted);
      expect(rows, 'every record of the log is one row').toBe(await kept());
      expect(rows).toBeGreaterThanOrEqual(traffic.truth.sent);
      return traffic.truth;
    },
    async replay() {
      const store = await openServer();
      const done = await replay({ tokenKeys: [testKey] }, { log: spool, store, onProgress: () => {} });
      await store.close();
      expect(done.after).toEqual(done.before);
      return done.replayed;
    },
    async stop() {
      sending = false;
      for (const { child } of members) child.kill('SIGKILL');
      await spool.close();
      await server.kill();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function memberOf(args: readonly string[]): Member {
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const partitions = new Set<number>();
  const words = new Map<string, number>();
  const exit = once(child, 'exit') as Promise<[number | null, string | null]>;
  createInterface({ input: child.stdout }).on('line', (line) => {
    const [word = '', partition] = line.split(' ');
    words.set(word, (words.get(word) ?? 0) + 1);
    if (word === 'assigned') partitions.add(Number(partition));
    if (word === 'revoked') partitions.delete(Number(partition));
  });
  return {
    child,
    partitions,
    said: (word) => words.get(word) ?? 0,
    ended: async () => (await exit)[1],
  };
}

const begunMs = systemClock.nowMs();

/** How long one step may take on a crowded machine. */
const PATIENCE_MS = 120_000;

/** Waits until something is so, and says how long the test had run then. @throws when it takes too long */
export async function until(what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  const sinceMs = systemClock.monotonicMs();
  while (!(await condition())) {
    if (systemClock.monotonicMs() - sinceMs > PATIENCE_MS) throw new Error(`still not: ${what}`);
    await pause(20);
  }
  console.log(`${((systemClock.nowMs() - begunMs) / 1000).toFixed(1)} s: ${what}`);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
