import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openEmbeddedSql, type Sql } from './client.ts';

const dir = mkdtempSync(join(tmpdir(), 'evenkeel-threads-'));
/** Streams at once, each in a session of its own. */
const STREAMS = 8;
/** What the engine keeps idle (8), its background pools and timers, and what Node starts late. */
const MOST_MORE_THREADS = 30;

let sql: Sql;
beforeAll(async () => {
  sql = await openEmbeddedSql(dir);
});
afterAll(async () => {
  await sql?.close();
  rmSync(dir, { recursive: true, force: true });
});

const threads = (): number => readdirSync('/proc/self/task').length;

async function drain(query: string): Promise<void> {
  for await (const _rows of sql.stream(query)) {
  }
}

it('keeps few idle threads after many statements at once', async () => {
  const before = threads();
  await sql.run('CREATE DATABASE wide');
  await sql.run(
    'CREATE TABLE wide.rows (day UInt8, a UInt64, b UInt64) ENGINE = MergeTree PARTITION BY day ORDER BY a',
  );
  for (let block = 0; block < 3; block++)
    await sql.run('INSERT INTO wide.rows SELECT number % 20, number, number FROM numbers(2000)');
  // A statement may take threads of its own while it runs: none of them may stay.
  const wide = 'SELECT day, sum(a), uniq(b) FROM wide.rows GROUP BY day ORDER BY day SETTINGS max_threads = 16';
  await Promise.all(Array.from({ length: STREAMS }, () => drain(wide)));
  await expect.poll(() => threads() - before, { timeout: 20_000 }).toBeLessThan(MOST_MORE_THREADS);
  const [setting] = await sql.rows("SELECT value FROM system.server_settings WHERE name = 'max_thread_pool_free_size'");
  expect(setting).toEqual(['8']);
});
