import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { createBroker, kafkaMissing, type TestBroker } from '../log/broker.case.ts';
import { createKafkaLog } from '../log/kafka.ts';
import { createSpooledLog, type SpooledLog } from '../log/spool.ts';
import { openStore } from '../store/clickhouse.ts';
import { startWireServer, type WireServer } from '../store/wire.case.ts';
import { differences } from './audit.case.ts';
import { long, recordFault } from './faulttable.case.ts';
import { createTraffic, type Traffic } from './truth.case.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const main = join(root, 'dist', 'reporting', 'ingest', 'ingester.case.js');
const missing = kafkaMissing();
const begunMs = systemClock.nowMs();
const deaths = long
  ? ['before-commit:1', 'before-insert:1', 'in-insert:2', 'after-insert:2', 'after-commit:3', 'in-rebuild:2']
  : ['in-insert:1', 'after-insert:2'];
const faults = { 'cut-before': 3, 'cut-after': 4, 'error-after': 5, slow: 7, delayed: 11 };

describe.runIf(missing === null)('through a real broker, a spool and a ClickHouse that fail', () => {
  const dir = mkdtempSync(join(tmpdir(), 'evenkeel-ingest-kafka-'));
  const startedMs = systemClock.nowMs();
  const fired = new Map<string, number>();
  const children: ChildProcess[] = [];
  let broker: TestBroker;
  let server: WireServer;
  let spool: SpooledLog;
  let traffic: Traffic;
  let sending = true;
  let sender: Promise<void>;

  beforeAll(async () => {
    broker = await createBroker();
    await broker.start();
    server = await startWireServer(join(dir, 'clickhouse'));
    spool = createSpooledLog(
      { dir: join(dir, 'spool') },
      {
        connect: () => createKafkaLog({ brokers: [broker.address], topicPrefix: 'it-', partitions: 3 }),
        clock: systemClock,
        logger: pino({ level: 'silent' }),
        registry: new Registry(),
      },
    );
    await spool.bounds('events');
    traffic = createTraffic(4, 0xee);
    sender = (async () => {
      while (sending) {
        await spool.append('events', traffic.next(20, systemClock.nowMs()));
        await pause(25);
      }
    })();
  });
  afterAll(async () => {
    sending = false;
    for (const child of children) child.kill('SIGKILL');
    await spool.close();
    await server.kill();
    await broker.remove();
    rmSync(dir, { recursive: true, force: true });
  });

  /** Starts the store again on its port, with faults or none. */
  async function restartServer(faults: string): Promise<void> {
    const { port } = server;
    await server.kill();
    for (const [name, count] of server.fired) fired.set(name, (fired.get(name) ?? 0) + count);
    server = await startWireServer(join(dir, 'clickhouse'), { port, faults, slowMs: 3000 });
  }

  function startIngester(die = 'never:0'): ChildProcess {
    const args = ['--kafka', broker.address, '--prefix', 'it-', '--clickhouse', server.url, '--die', die];
    const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
    children.push(child);
    return child;
  }

  it('counts everything exactly once', { timeout: 420_000 }, async () => {
    // Killed where the announced block is, is not, and may be in the store.
    for (const death of deaths) {
      const child = startIngester(death);
      const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
      expect([death, signal]).toEqual([death, 'SIGKILL']);
      step(`killed ${death}`);
    }
    // One, then three that share the partitions, while the store misbehaves in every way.
    await restartServer(
      Object.entries(faults)
        .map((fault) => fault.join(':'))
        .join(','),
    );
    const members = [startIngester(), startIngester(), startIngester()];
    await Promise.all(members.map((member) => saying(member, 'ready')));
    step('three members');
    await all(() => Object.keys(faults).every((fault) => server.fired.has(fault)));
    step('every fault of the store fired');
    // A zombie: silent past its session, then alive with a block in its hands, while others have its partitions.
    members[0]!.kill('SIGSTOP');
    await pause(5000);
    members[0]!.kill('SIGCONT');
    await pause(2000);
    step('the zombie is back');
    // The broker and the store are killed; events wait on the local disk.
    await broker.kill('SIGKILL');
    await pause(500);
    expect(spool.fill()).toBeGreaterThan(0);
    await restartServer('');
    await broker.start();
    members[1]!.kill('SIGKILL');
    members[2]!.kill('SIGTERM');
    await pause(3000);
    sending = false;
    await sender;
    while ((await spool.backlog()) > 0) await pause(50);

    step('the spool is empty');
    await saying(members[0]!, 'drained');
    step('everything is in the store');

    const store = await openStore({ at: { server: { url: server.url, username: 'default', password: 'right' } } });
    const found = await differences(store, traffic.truth, startedMs - 27 * 3_600_000, systemClock.nowMs());
    // What the spool hands over twice after a lost answer is one record more in the log, and a duplicate in the count.
    expect(found.filter((line) => !line.startsWith('received'))).toEqual([]);
    const { faults: wrong } = await store.audit();
    await store.close();
    expect(wrong).toEqual([]);
    expect(traffic.truth.sent).toBeGreaterThan(3000);
    expect([...fired.keys()].sort(), 'each fault really happened').toEqual(Object.keys(faults).sort());
    const { sent } = traffic.truth;
    recordFault('kill -9 of ingest over Kafka', deaths.length + 1, sent, 'equal to the truth');
    for (const [fault, count] of fired)
      recordFault(`ClickHouse over HTTP: ${fault}`, count, sent, 'equal to the truth');
    recordFault('kill -9 of the ClickHouse server', 2, sent, 'equal to the truth');
    recordFault('kill -9 of the Kafka broker', 1, sent, 'equal to the truth; events waited in the spool');
    recordFault(
      'three members, a zombie (SIGSTOP past its session, SIGCONT), one again',
      1,
      sent,
      'equal to the truth',
    );
  });
});

async function saying(child: ChildProcess, word: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      if (chunk.toString().includes(word)) resolve();
    });
    child.once('close', () => reject(new Error(`it ended before it said ${word}`)));
  });
}

/** Says where the test is: when it hangs, that is what one wants to know. */
function step(text: string): void {
  console.log(`${((systemClock.nowMs() - begunMs) / 1000).toFixed(1)} s: ${text}`);
}

/** Waits until something is so. The test's own time-out is the limit. */
async function all(condition: () => boolean): Promise<void> {
  while (!condition()) await pause(50);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
