import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import type { LogRecord } from '../../core/eventlog.ts';
import { recordFault } from '../ingest/faulttable.case.ts';
import { createEmbeddedLog } from './embedded.ts';
import { eventually, readAll } from './eventlog.case.ts';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

it('keeps everything it acknowledged through kill -9, with two writers and a reader in three processes', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'evenkeel-log-kill-'));
  const reader = createEmbeddedLog({ dir }, { clock: systemClock });
  const seen: LogRecord[] = [];
  const consumer = await reader.consume({
    topic: 'events',
    group: 'reader',
    maxBatchRecords: 500,
    onBatch: async ({ records }) => void seen.push(...records),
    onError: (error) => {
      throw error;
    },
  });
  const acknowledged: string[] = [];
  try {
    for (let round = 0; round < 4; round++) {
      const before = acknowledged.length;
      const writers = ['a', 'b'].map((name) => startWriter(dir, `${name}${round}`, acknowledged));
      await eventually(() => acknowledged.length > before + 400 * (round + 1), 60_000);
      for (const writer of writers) {
        writer.kill('SIGKILL');
        await once(writer, 'close');
      }
    }
    const { length } = await wholeLog(reader);
    expect(length).toBeGreaterThanOrEqual(acknowledged.length);
    await eventually(() => seen.length >= length, 30_000);
    const keys = seen.map((record) => record.key);
    expect(new Set(keys).size, 'nothing twice').toBe(keys.length);
    const kept = new Set(keys);
    expect(acknowledged.filter((key) => !kept.has(key))).toEqual([]);
    expect(acknowledged.length).toBeGreaterThan(4000);
    for (const { key, value } of seen) {
      const number = Number(key.split('-')[1]);
      expect(value?.toString()).toBe(key.repeat(1 + (number % 50)));
    }
    recordFault(
      'kill -9 of two processes that append',
      8,
      acknowledged.length,
      'all acknowledged are there, none twice',
    );
    await reader.append('events', [{ key: 'after', value: Buffer.from('the lock of a killed writer is free') }]);
  } finally {
    await consumer.stop();
    await reader.close();
    rmSync(dir, { recursive: true, force: true });
  }
});

async function wholeLog(log: ReturnType<typeof createEmbeddedLog>): Promise<readonly LogRecord[]> {
  const bounds = await log.bounds('events');
  const count = bounds.reduce((sum, { first, end }) => sum + end - first, 0);
  return readAll(log, 'events', count, 30_000);
}

function startWriter(dir: string, name: string, acknowledged: string[]) {
  const main = join(root, 'dist', 'reporting', 'log', 'appender.case.js');
  const child = spawn(process.execPath, [main, '--dir', dir, '--name', name], { stdio: ['ignore', 'pipe', 'inherit'] });
  createInterface({ input: child.stdout }).on('line', (line) => acknowledged.push(line));
  return child;
}
