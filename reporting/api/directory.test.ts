import { pino } from 'pino';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { campaignSchema } from '../../core/campaign.ts';
import type { ConsumeOptions, EventLog } from '../../core/eventlog.ts';
import { openDirectory } from './directory.ts';

const logger = pino({ level: 'silent' });
const value = (id: number): Buffer => {
  const entity = campaignSchema.parse({ id, advertiserId: 1, name: `campaign ${id}` });
  return Buffer.from(JSON.stringify({ kind: 'campaign', entity }));
};

/** A topic that ends at offset 9, of which the test hands out records. */
function scripted() {
  let consumer: ConsumeOptions | undefined;
  const log: EventLog = {
    append: async () => {},
    consume: async (options) => {
      consumer = options;
      return { commit: async () => {}, stop: async () => {} };
    },
    bounds: async () => [{ partition: 0, first: 0, end: 9 }],
    close: async () => {},
  };
  const record = (offset: number, id: number) => ({ offset, key: `campaign:${id}`, value: value(id), appendedMs: 0 });
  return {
    log,
    deliver: (offset: number, id: number) =>
      consumer!.onBatch({ topic: 'campaigns', partition: 0, records: [record(offset, id)], end: 9 }),
    fail: (error: Error) => consumer!.onError(error),
  };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

async function opening() {
  const topic = scripted();
  const opened = openDirectory({ log: topic.log, logger, confirmWithinMs: 1000, maxWaitingWriters: 1 });
  let state = 'waiting';
  opened.then(
    () => {
      state = 'open';
    },
    () => {
      state = 'failed';
    },
  );
  await vi.advanceTimersByTimeAsync(0);
  return { ...topic, opened, state: () => state };
}

it('is open when the topic has been read to its end', async () => {
  const { deliver, opened, state } = await opening();
  await deliver(7, 1);
  await vi.advanceTimersByTimeAsync(0);
  expect(state()).toBe('waiting');
  await deliver(8, 2);
  expect((await opened).count()).toBe(2);
});

it('is open also when the topic’s last records are deletions that are gone', async () => {
  const { deliver, opened, state } = await opening();
  // A slow start is no end: nothing has come yet.
  await vi.advanceTimersByTimeAsync(5_000);
  expect(state()).toBe('waiting');
  await deliver(5, 1);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(state()).toBe('open');
  expect((await opened).get('campaign', 1)?.name).toBe('campaign 1');
});

it('says so when following stops before it is complete, and is unhealthy when it stops later', async () => {
  const broken = await opening();
  broken.fail(new Error('gone'));
  await expect(broken.opened).rejects.toThrow('gone');
  const later = await opening();
  await later.deliver(8, 1);
  const directory = await later.opened;
  expect(directory.healthy()).toBe(true);
  later.fail(new Error('gone'));
  expect(directory.healthy()).toBe(false);
});
