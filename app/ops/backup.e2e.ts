import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { createTraffic } from '../../reporting/ingest/truth.case.ts';
import { createEmbeddedLog } from '../../reporting/log/embedded.ts';
import { root } from './deployfiles.case.ts';

const cli = join(root, 'dist', 'app', 'cli.js');
const ingester = join(root, 'dist', 'reporting', 'ingest', 'ingester.case.js');
const storeCheck = join(root, 'dist', 'app', 'ops', 'storecheck.case.js');
const dir = mkdtempSync(join(tmpdir(), 'evenkeel-backup-'));
afterAll(() => rmSync(dir, { recursive: true, force: true }));

const evenkeel = (...args: string[]) => spawnSync(process.execPath, [cli, ...args], { cwd: dir, encoding: 'utf8' });

interface Check {
  readonly positions: Readonly<Record<string, number>>;
  readonly metrics: {
    readonly received: number | string;
    readonly accepted: number | string;
    readonly spendNanos: string;
  };
}

function checkStore(dataDir: string): Check {
  const done = spawnSync(process.execPath, [storeCheck, join(dataDir, 'clickhouse')], { encoding: 'utf8' });
  expect(done.status, done.stderr).toBe(0);
  return JSON.parse(done.stdout.trim().split('\n').at(-1) ?? '') as Check;
}

function startIngester(dataDir: string): ChildProcess {
  const args = [ingester, '--log', join(dataDir, 'log'), '--store', join(dataDir, 'clickhouse')];
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function saying(child: ChildProcess, word: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      if (chunk.toString().includes(word)) resolve();
    });
    child.once('close', () => reject(new Error(`it ended before it said ${word}`)));
  });
}

async function drain(dataDir: string): Promise<void> {
  const child = startIngester(dataDir);
  await saying(child, 'drained');
  child.kill('SIGTERM');
  await once(child, 'close');
}

/** No gap and no double: as many rows as offsets, up to the end of the log that was backed up with it. */
async function expectWhole(dataDir: string): Promise<Check> {
  const log = createEmbeddedLog({ dir: join(dataDir, 'log') }, { clock: systemClock });
  const ends = await log.bounds('events');
  await log.close();
  const check = checkStore(dataDir);
  for (const { partition, end } of ends) expect(check.positions[partition], `partition ${partition}`).toBe(end);
  expect(Number(check.metrics.received)).toBe(ends.reduce((sum, { end }) => sum + end, 0));
  return check;
}

it('backs up while events are written and counted, and restores to a whole that goes on counting', async () => {
  const dataDir = join(dir, 'data');
  const log = createEmbeddedLog({ dir: join(dataDir, 'log') }, { clock: systemClock });
  writeFileSync(join(dataDir, 'secrets.json'), '{"tokenKeys":["1:00"]}');
  const traffic = createTraffic(7, 0xba);
  const ingest = startIngester(dataDir);
  let sending = true;
  const sender = (async () => {
    while (sending) {
      await log.append('events', traffic.next(40, systemClock.nowMs()));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  })();
  try {
    await saying(ingest, 'ready');
    // In a child of its own each time, while this process writes and the other one counts.
    for (const name of ['one', 'two']) {
      await new Promise((resolve) => setTimeout(resolve, 500));
      const child = spawn(process.execPath, [cli, 'backup', join(dir, name), `--data-dir=${dataDir}`], { cwd: dir });
      let told = '';
      child.stdout.on('data', (chunk: Buffer) => {
        told += chunk.toString();
      });
      child.stderr.pipe(process.stderr);
      expect((await once(child, 'close'))[0]).toBe(0);
      expect(told).toMatch(/Backed up .* files, .* MiB, every one with its checksum/);
    }
  } finally {
    sending = false;
    await sender;
    await log.close();
    ingest.kill('SIGKILL');
    await once(ingest, 'close');
  }
  const received: number[] = [];
  for (const name of ['one', 'two']) {
    const restored = join(dir, `restored-${name}`);
    const done = evenkeel('restore', join(dir, name), `--data-dir=${restored}`);
    expect(done.status, done.stderr).toBe(0);
    expect(readFileSync(join(restored, 'secrets.json'), 'utf8')).toContain('1:00');
    await drain(restored);
    received.push(Number((await expectWhole(restored)).metrics.received));
  }
  expect(received).toEqual([...received].sort((a, b) => a - b));
  expect(received[0]).toBeGreaterThan(100);
  expect(received[1]).toBeLessThanOrEqual(traffic.truth.sent);

  // And after the last restore it counts what comes next.
  const last = join(dir, 'restored-two');
  const again = createEmbeddedLog({ dir: join(last, 'log') }, { clock: systemClock });
  await again.append('events', createTraffic(8, 0xbb).next(100, systemClock.nowMs()));
  await again.close();
  await drain(last);
  expect(Number((await expectWhole(last)).metrics.received)).toBeGreaterThan(received[1] ?? 0);
});

it('overwrites nothing, and restores nothing that is damaged or unfinished', () => {
  const source = join(dir, 'one');
  expect(evenkeel('backup', source, `--data-dir=${join(dir, 'data')}`).stderr).toContain('backup.exists');
  expect(evenkeel('backup', join(dir, 'x'), `--data-dir=${join(dir, 'nothing')}`).stderr).toContain('backup.no_data');
  expect(evenkeel('backup').status, 'no folder').toBe(2);
  expect(evenkeel('restore', source, `--data-dir=${join(dir, 'data')}`).stderr).toContain('restore.not_empty');
  expect(evenkeel('restore', dir, `--data-dir=${join(dir, 'y')}`).stderr).toContain('restore.no_backup');

  const broken = join(dir, 'broken');
  cpSync(source, broken, { recursive: true, verbatimSymlinks: true });
  appendFileSync(join(broken, 'log', 'data.mdb'), 'x');
  const refused = evenkeel('restore', broken, `--data-dir=${join(dir, 'z')}`);
  expect(refused.status).toBe(1);
  expect(refused.stderr).toContain('restore.damaged: log/data.mdb');
  expect(existsSync(join(dir, 'z'))).toBe(false);

  const manifest = JSON.parse(readFileSync(join(source, 'backup.json'), 'utf8')) as { files: { path: string }[] };
  writeFileSync(
    join(broken, 'backup.json'),
    JSON.stringify({ ...manifest, files: [{ path: '../escaped', bytes: 1, sha256: '0'.repeat(64) }] }),
  );
  expect(evenkeel('restore', broken, `--data-dir=${join(dir, 'z')}`).stderr).toContain('restore.damaged');
  expect(readdirSync(dir)).not.toContain('escaped');
});
