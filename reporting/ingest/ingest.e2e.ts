import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { createEmbeddedLog } from '../log/embedded.ts';
import { openStore } from '../store/clickhouse.ts';
import { differences } from './audit.case.ts';
import { recordFault } from './faulttable.case.ts';
import { createTraffic } from './truth.case.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const main = join(root, 'dist', 'reporting', 'ingest', 'ingester.case.js');

/** Where the process is killed, and how often it got there before. */
const deaths = [
  'before-migrate:1',
  'after-migrate:1',
  'before-insert:1',
  'in-insert:2',
  'after-insert:1',
  'in-rebuild:1',
  'before-insert:3',
  'in-insert:4',
  'after-insert:4',
  'before-commit:1',
  'after-commit:1',
] as const;

it('counts exactly what was sent though ingest is killed at every step', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'evenkeel-ingest-kill-'));
  const startedMs = systemClock.nowMs();
  const log = createEmbeddedLog({ dir: join(dir, 'log') }, { clock: systemClock });
  const traffic = createTraffic(3, 0xdd);
  let sending = true;
  const sender = (async () => {
    while (sending) {
      await log.append('events', traffic.next(40, systemClock.nowMs()));
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  })();
  try {
    for (const death of deaths) {
      const child = startIngester(dir, death);
      const [code, signal] = (await once(child, 'close')) as [number | null, string | null];
      expect([death, code, signal]).toEqual([death, null, 'SIGKILL']);
    }
    // And a few at times nobody chose.
    for (let i = 0; i < 4; i++) {
      const child = startIngester(dir, 'never:0');
      await saying(child, 'ready');
      await new Promise((resolve) => setTimeout(resolve, 120 + 70 * i));
      child.kill('SIGKILL');
      await once(child, 'close');
    }
    sending = false;
    await sender;
    const last = startIngester(dir, 'never:0');
    await saying(last, 'drained');
    last.kill('SIGTERM');
    expect((await once(last, 'close'))[0], 'a clean stop').toBe(0);

    const store = await openStore({ at: { dir: join(dir, 'store') } });
    const [ends, positions] = [await log.bounds('events'), await store.positions('events')];
    for (const { partition, end } of ends) expect(positions.get(partition)).toBe(end);
    const found = await differences(store, traffic.truth, startedMs - 27 * 3_600_000, systemClock.nowMs());
    const { faults } = await store.audit();
    await store.close();
    expect(found).toEqual([]);
    expect(faults).toEqual([]);
    expect(traffic.truth.sent).toBeGreaterThan(5000);
    recordFault(
      'kill -9 of ingest with the embedded ClickHouse',
      deaths.length + 4,
      traffic.truth.sent,
      'equal to the truth',
    );
  } finally {
    sending = false;
    await sender;
    await log.close();
    rmSync(dir, { recursive: true, force: true });
  }
});

function startIngester(dir: string, die: string): ChildProcess {
  const args = [main, '--log', join(dir, 'log'), '--store', join(dir, 'store'), '--die', die];
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
