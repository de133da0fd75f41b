import { afterEach, expect, it } from 'vitest';
import { systemClock } from '../../core/clock.ts';
import { type BlockWriter, createBlockWriter, type WriterOptions } from './writer.ts';

interface Row {
  readonly partition: number;
  readonly offset: number;
}
const tokens: string[] = [];
let writer: BlockWriter<Row>;
afterEach(async () => {
  await writer.stop();
  tokens.length = 0;
});

function open(options: Partial<WriterOptions<Row>> = {}): BlockWriter<Row> {
  writer = createBlockWriter<Row>({
    topic: 't',
    flushMs: 5,
    maxBlockRows: 10,
    separate: true,
    clock: systemClock,
    announce: async () => true,
    insert: async ({ token }) => void tokens.push(token),
    isThere: async () => true,
    onWritten: async () => {},
    onFailure: () => {},
    ...options,
  });
  return writer;
}

function add(partition: number, lo: number, hi: number): void {
  const rows = Array.from({ length: hi - lo + 1 }, (_, i) => ({ partition, offset: lo + i }));
  writer.add({ partition, lo, hi }, rows);
}

async function written(count: number): Promise<void> {
  while (tokens.length < count) await new Promise((resolve) => setTimeout(resolve, 5));
}

it('gives each partition its own blocks, or one to all', async () => {
  open();
  add(0, 0, 3);
  add(1, 7, 7);
  await written(2);
  expect(tokens).toEqual(['t/0:0-3', 't/1:7-7']);
  await writer.stop();
  tokens.length = 0;
  open({ separate: false });
  add(1, 8, 8);
  add(0, 4, 5);
  await written(1);
  expect(tokens).toEqual(['t/0:4-5,1:8-8']);
});

it('lets a shared store rest after a block, the longer the block took, unless a whole block waits', async () => {
  const starts: number[] = [];
  const ends: number[] = [];
  open({
    separate: false,
    async insert({ token }) {
      starts.push(systemClock.monotonicMs());
      await new Promise((resolve) => setTimeout(resolve, 300));
      ends.push(systemClock.monotonicMs());
      tokens.push(token);
    },
  });
  add(0, 0, 3);
  await written(1);
  add(0, 4, 5);
  await written(2);
  expect(starts[1]! - ends[0]!).toBeGreaterThan(950);
  const addedMs = systemClock.monotonicMs();
  add(0, 6, 15);
  await written(3);
  expect(starts[2]! - addedMs).toBeLessThan(900);
});

it('ends a block exactly where it was announced, however the records arrive', async () => {
  open();
  writer.endNextAt(0, 5);
  add(0, 2, 3);
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(tokens).toEqual([]);
  add(0, 4, 8);
  await written(2);
  expect(tokens).toEqual(['t/0:2-5', 't/0:6-8']);
});

it('lets announced blocks of several partitions fill up, though together they are more than one block', async () => {
  open();
  for (const partition of [0, 1, 2]) writer.endNextAt(partition, 9);
  for (const lo of [0, 5]) {
    for (const partition of [0, 1, 2]) {
      await writer.room(partition);
      add(partition, lo, lo + 4);
    }
  }
  await written(3);
  expect([...tokens].sort()).toEqual(['t/0:0-9', 't/1:0-9', 't/2:0-9']);
});

it('repeats the same block until it is there, under a new name when its name is known and its rows are not', async () => {
  const answers = [false, false, true];
  let attempts = 0;
  open({
    async insert({ token }) {
      tokens.push(token);
      attempts += 1;
      if (attempts === 1) throw new Error('no answer');
    },
    isThere: async () => answers.shift() ?? true,
  });
  add(0, 0, 1);
  await written(3);
  expect(tokens).toEqual(['t/0:0-1', 't/0:0-1', 't/0:0-1#1']);
});

it('forgets a partition that was taken away, and lets go of its block', async () => {
  open({
    flushMs: 1,
    async insert({ token }) {
      tokens.push(token);
      throw new Error('no answer');
    },
    isThere: async () => false,
  });
  add(0, 0, 1);
  await written(1);
  add(0, 2, 3);
  await writer.drop(0);
  expect(writer.waitingRows).toBe(0);
  const tried = tokens.length;
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(tokens.length).toBe(tried);
});

it('stops although rows keep coming: those are read again', async () => {
  let next = 10;
  open({
    insert: async ({ token }) => {
      tokens.push(token);
      add(0, next, next);
      next += 1;
    },
  });
  add(0, 0, 9);
  await written(3);
  await writer.stop();
  const stopped = tokens.length;
  add(0, next, next);
  expect(writer.waitingRows).toBe(0);
  expect(stopped).toBeLessThanOrEqual(5);
});
