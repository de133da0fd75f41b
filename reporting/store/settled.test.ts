import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { openEmbeddedSql, type Sql } from './client.ts';
import { closedWhenSettled } from './settled.ts';

it('closes when no statement is under way any more, and refuses new ones meanwhile', async () => {
  const notes: string[] = [];
  let answer = (): void => {};
  const slow = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const sql = closedWhenSettled(
    {
      run: async () => {},
      rows: async () => {
        await slow;
        notes.push('answered');
        return [];
      },
      async *stream() {
        yield [[1]];
        yield [[2]];
      },
      insert: async () => {},
      close: async () => void notes.push('closed'),
    } as unknown as Sql,
    async () => {},
  );
  const asked = sql.rows('SELECT 1');
  const read = sql.stream('SELECT 2')[Symbol.asyncIterator]();
  expect((await read.next()).value).toEqual([[1]]);
  const closing = sql.close();
  await expect(sql.run('SELECT 3')).rejects.toMatchObject({ code: 'store_unavailable' });
  answer();
  await asked;
  await new Promise((resolve) => setImmediate(resolve));
  expect(notes, 'a stream is still read').toEqual(['answered']);
  await read.return?.();
  await closing;
  expect(notes).toEqual(['answered', 'closed']);
});

it('stops what the embedded engine is busy with, closes, and opens again', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'evenkeel-settled-'));
  const sql = await openEmbeddedSql(dir);
  const minutes = sql.rows('SELECT sum(sipHash64(number)) FROM numbers(100000000000)');
  const ended = expect(minutes, 'it is stopped, and says so').rejects.toMatchObject({ message: /cancelled/i });
  const waiting = expect(sql.rows('SELECT sum(sipHash64(number + 1)) FROM numbers(100000000000)')).rejects.toThrow();
  await sql.close();
  await waiting;
  await ended;
  const again = await openEmbeddedSql(dir);
  expect(await again.rows('SELECT 2')).toEqual([[2]]);
  await again.close();
  rmSync(dir, { recursive: true, force: true, maxRetries: 20 });
}, 60_000);

it('says so when something can not be stopped, and does not close then', async () => {
  vi.useFakeTimers();
  const closings: string[] = [];
  const stuck = {
    rows: () => new Promise(() => {}),
    close: async () => void closings.push('closed'),
  } as unknown as Sql;
  const sql = closedWhenSettled(stuck, async () => {});
  void sql.rows('SELECT 1');
  const refused = expect(sql.close()).rejects.toMatchObject({ code: 'store_unsettled' });
  await vi.advanceTimersByTimeAsync(20_000);
  await refused;
  expect(closings).toEqual([]);
  vi.useRealTimers();
});
