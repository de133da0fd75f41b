import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { afterAll, expect, it, vi } from 'vitest';
import { type Clock, systemClock } from '../../core/clock.ts';
import { createEmbeddedLog } from '../log/embedded.ts';
import { readAll } from '../log/eventlog.case.ts';
import { storeOn } from '../store/clickhouse.ts';
import { openEmbeddedSql } from '../store/client.ts';
import { migrate, type SchemaOptions } from '../store/migrate.ts';
import { differences } from './audit.case.ts';
import { createClaims } from './claims.ts';
import { decideEvent } from './decide.ts';
import { long, recordFault } from './faulttable.case.ts';
import { rulesOf, startIngest } from './ingest.ts';
import { createTraffic, testKey } from './truth.case.ts';

vi.setConfig({ testTimeout: 420_000 });
const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const built = (name: string): string => join(root, 'dist', 'reporting', name);
const HOUR_MS = 3_600_000;
const startedMs = systemClock.nowMs();
const since = startedMs - 30 * HOUR_MS;
const dir = mkdtempSync(join(tmpdir(), 'evenkeel-faults-'));
const rules = rulesOf({ tokenKeys: [testKey] }, null);

// chDB: one directory per process. Everything in this process shares it, in databases of their own.
const sql = await openEmbeddedSql(join(dir, 'here'));
const openHere = async (database: string) => {
  const schema: SchemaOptions = { database, cluster: null, deduplicationWindow: 0 };
  await migrate(sql, schema);
  return storeOn(sql, schema, 'events');
};
afterAll(async () => {
  await sql.close();
  rmSync(dir, { recursive: true, force: true });
});

it('survives kill -9 while it migrates', async () => {
  const store = join(dir, 'migrated');
  const log = createEmbeddedLog({ dir: join(dir, 'migrated-log') }, { clock: systemClock });
  const traffic = createTraffic(21, 0x21);
  await log.append('events', traffic.next(300, systemClock.nowMs()));
  let killed = 0;
  for (const waitMs of long ? [250, 350, 450, 550, 650, 800, 1000, 1300] : [400, 600, 900]) {
    const child = ingester(join(dir, 'migrated-log'), store);
    let ready = false;
    child.stdout?.once('data', () => {
      ready = true;
    });
    await pause(waitMs);
    child.kill('SIGKILL');
    await once(child, 'exit');
    if (!ready) killed += 1;
  }
  const last = ingester(join(dir, 'migrated-log'), store);
  await saying(last, 'drained');
  last.kill('SIGTERM');
  expect((await once(last, 'exit'))[0]).toBe(0);
  await log.close();
  const replayed = await replayer(join(dir, 'migrated-log'), store, '');
  expect(replayed).toEqual({ replayed: traffic.truth.sent, faults: [] });
  expect(killed).toBeGreaterThan(0);
  recordFault('kill -9 before and while migrating', killed, traffic.truth.sent, 'every record once');
});

it('survives kill -9 at every step of a replay', async () => {
  const paths = [join(dir, 'replayed-log'), join(dir, 'replayed')] as const;
  const log = createEmbeddedLog({ dir: paths[0] }, { clock: systemClock });
  const traffic = createTraffic(22, 0x22);
  await log.append('events', traffic.next(500, systemClock.nowMs()));
  await log.close();
  const first = ingester(...paths);
  await saying(first, 'drained');
  first.kill('SIGTERM');
  await once(first, 'exit');
  const steps = long ? ['copy', 'progress', 'before-swap', 'in-swap', 'after-swap'] : ['progress', 'in-swap'];
  for (const step of steps) expect(await replayer(...paths, step), step).toBe('SIGKILL');
  expect(await replayer(...paths, '')).toEqual({ replayed: traffic.truth.sent, faults: [] });
  recordFault('kill -9 at each step of a replay', steps.length, traffic.truth.sent, 'every record once');
});

it('refuses what it cannot keep when the disk is full, and has all it took', async () => {
  const logDir = join(dir, 'full');
  const limited = `trap '' XFSZ; ulimit -f 6000; exec "${process.execPath}" "${built('log/appender.case.js')}" --dir "${logDir}" --name a`;
  const child = spawn('bash', ['-c', limited], { stdio: ['ignore', 'pipe', 'ignore'] });
  const acknowledged: string[] = [];
  const refused: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    (line.startsWith('refused') ? refused : acknowledged).push(line);
  });
  await once(child, 'close');
  expect(refused).toEqual(['refused log_append_failed']);
  const log = createEmbeddedLog({ dir: logDir }, { clock: systemClock });
  const count = (await log.bounds('events')).reduce((sum, { end }) => sum + end, 0);
  const kept = new Set((await readAll(log, 'events', count, 30_000)).map(({ key }) => key));
  expect(acknowledged.filter((key) => !kept.has(key))).toEqual([]);
  expect(acknowledged.length).toBeGreaterThan(100);
  await log.append('events', [{ key: 'after', value: Buffer.from('there is room again') }]);
  await log.close();
  recordFault(
    'disk full (file size limit) under the log',
    1,
    acknowledged.length,
    'refused with a code; all acknowledged are there',
  );
});

it('counts exactly through clocks that jump forward and back', async () => {
  let shiftMs = 0;
  const clock: Clock = { nowMs: () => systemClock.nowMs() + shiftMs, monotonicMs: () => systemClock.monotonicMs() };
  const log = createEmbeddedLog({ dir: join(dir, 'jump-log') }, { clock });
  const store = await openHere('jump');
  const ingest = await startIngest(
    { tokenKeys: [testKey], flushMs: 20 },
    { log, store, clock, registry: new Registry(), logger: pino({ level: 'silent' }), onFatal: () => {} },
  );
  const traffic = createTraffic(23, 0x23);
  const jumps = [0, 40, -40, 55, -70, 0];
  for (const minutes of jumps) {
    shiftMs = minutes * 60_000;
    await log.append('events', traffic.next(100, clock.nowMs()));
    await pause(50);
  }
  await drained(log, store);
  await ingest.stop();
  await log.close();
  // An event that was quarantined because time had moved on is kept, not counted and not lost.
  const found = await differences(store, traffic.truth, since, systemClock.nowMs() + 3 * HOUR_MS);
  expect((await store.audit()).faults).toEqual([]);
  expect(found).toEqual([]);
  recordFault('clock jumps of −70 to +55 minutes', jumps.length - 1, traffic.truth.sent, 'equal to the truth');
});

it('known-bad control: a position committed before the insert loses events, and the audit sees it', async () => {
  const log = createEmbeddedLog({ dir: join(dir, 'bad-log'), partitions: 1 }, { clock: systemClock });
  const store = await openHere('bad');
  const traffic = createTraffic(24, 0x24);
  for (let i = 0; i < 10; i++) await log.append('events', traffic.next(50, systemClock.nowMs()));
  const claims = createClaims(rules.horizons);
  let deaths = 0;
  for (let life = 0; life < 30; life++) {
    let died = false;
    const consumer = log.consume({
      topic: 'events',
      group: 'bad',
      maxBatchRecords: 200,
      async onBatch({ partition, records }) {
        const rows = records.map((record) => decideEvent(claims, record, partition, rules.rules));
        await (await consumer).commit(partition, { offset: records.at(-1)!.offset + 1, metadata: '' });
        if (life % 3 === 2) {
          died = true;
          throw new Error('killed between commit and insert');
        }
        await store.insertEvents({ rows, token: String(records[0]!.offset) });
      },
      onError: () => {},
    });
    await pause(60);
    await (await consumer).stop();
    if (died) deaths += 1;
    if (life % 3 === 1) await log.append('events', traffic.next(50, systemClock.nowMs()));
  }
  expect(deaths).toBeGreaterThan(0);
  const found = await differences(store, traffic.truth, since, systemClock.nowMs());
  expect(found.length).toBeGreaterThan(0);
  expect((await store.audit()).faults.join()).toMatch(/offsets are missing/);
  await log.close();
  recordFault(
    'CONTROL: commit before insert',
    deaths,
    traffic.truth.sent,
    'loses events, as it must; the audit sees it',
  );
});

it('known-bad control: a materialized view counts a repeated insert twice', async () => {
  await sql.run('CREATE DATABASE IF NOT EXISTS control');
  await sql.run(
    'CREATE TABLE control.base (partition UInt16, offset UInt64, nanos Int64) ENGINE = ReplacingMergeTree ORDER BY (partition, offset)',
  );
  await sql.run('CREATE TABLE control.rollup (n Int64, nanos Int64) ENGINE = SummingMergeTree ORDER BY tuple()');
  await sql.run(
    'CREATE MATERIALIZED VIEW control.view TO control.rollup AS SELECT toInt64(count()) AS n, sum(nanos) AS nanos FROM control.base',
  );
  const rows = Array.from({ length: 100 }, (_, i) => [0, i, i]);
  // The answer to the first insert was lost, so it is repeated.
  for (let attempt = 0; attempt < 2; attempt++) {
    await sql.insert('control.base', ['partition', 'offset', 'nanos'], rows, 'one block');
  }
  const total = async (text: string): Promise<number> => Number((await sql.rows(text))[0]?.[0]);
  expect(await total('SELECT sum(nanos) FROM control.base FINAL')).toBe(4950);
  expect(await total('SELECT sum(nanos) FROM control.rollup')).not.toBe(4950);
  recordFault('CONTROL: rollup by materialized view', 1, 100, 'counts a repeated insert twice, as it must');
});

function ingester(log: string, store: string): ChildProcess {
  const args = [built('ingest/ingester.case.js'), '--log', log, '--store', store];
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** Runs a replay to its end or its death. */
async function replayer(log: string, store: string, die: string): Promise<unknown> {
  const args = [built('ingest/replayer.case.js'), '--log', log, '--store', store, '--die', die];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  const [, signal] = (await once(child, 'close')) as [number | null, string | null];
  return signal ?? JSON.parse(text);
}

async function drained(
  log: ReturnType<typeof createEmbeddedLog>,
  store: Awaited<ReturnType<typeof openHere>>,
): Promise<void> {
  for (;;) {
    const [ends, positions] = [await log.bounds('events'), await store.positions('events')];
    if (ends.every(({ partition, end }) => end === 0 || positions.get(partition) === end)) return;
    await pause(20);
  }
}

async function saying(child: ChildProcess, word: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      if (chunk.toString().includes(word)) resolve();
    });
    child.once('close', () => reject(new Error(`it ended before it said ${word}`)));
  });
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
