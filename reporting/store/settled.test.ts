import { expect, it } from 'vitest';
import type { Sql } from './client.ts';
import { closedWhenSettled } from './settled.ts';

it('closes when no statement is under way any more, and refuses new ones meanwhile', async () => {
  const notes: string[] = [];
  let answer = (): void => {};
  const slow = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const sql = closedWhenSettled({
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
  } as unknown as Sql);
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
