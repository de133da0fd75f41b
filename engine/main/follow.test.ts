import { describe, expect, it } from 'vitest';
import { manualClock } from '../../core/clock.ts';
import type { ConsumeOptions, EventLog, LogRecord } from '../../core/eventlog.ts';
import { follow } from './follow.ts';

const START_MS = 1_800_000_000_000;
const record = (offset: number, appendedMs: number): LogRecord => ({ offset, key: 'k', value: null, appendedMs });

/** A log whose batches and bounds the test hands out. */
function scripted(bounds: { partition: number; first: number; end: number }[]) {
  let consumer: ConsumeOptions | null = null;
  let broken = false;
  const log: EventLog = {
    append: async () => {},
    consume: async (options) => {
      consumer = options;
      return { commit: async () => {}, stop: async () => {} };
    },
    bounds: async () => {
      if (broken) throw new Error('down');
      return bounds.map((entry) => ({ ...entry }));
    },
    close: async () => {},
  };
  return {
    log,
    setBroken: (value: boolean) => {
      broken = value;
    },
    batch: (partition: number, records: LogRecord[]) =>
      consumer!.onBatch({ topic: 'events', partition, records, end: records.at(-1)!.offset + 1 }),
  };
}
const nextProbe = () => new Promise((resolve) => setTimeout(resolve, 1_100));

describe('following a topic', () => {
  const base = { topic: 'events' as const, onRecords: () => {}, onError: () => {} };

  it('has caught up when everything that was there at the start is read', async () => {
    const { log, batch } = scripted([
      { partition: 0, first: 0, end: 2 },
      { partition: 1, first: 0, end: 0 },
    ]);
    let caughtUp = 0;
    const onCaughtUp = () => caughtUp++;
    const follower = await follow({ ...base, log, clock: manualClock(START_MS), from: 'start', onCaughtUp });
    expect(follower.caughtUp()).toBe(false);
    await batch(0, [record(0, START_MS)]);
    expect(follower.caughtUp()).toBe(false);
    await batch(0, [record(1, START_MS)]);
    await batch(0, [record(2, START_MS)]);
    expect([follower.caughtUp(), caughtUp]).toEqual([true, 1]);
    await follower.stop();
  });

  it('knows up to when it has read: also under steady load, never beyond the partition that is behind', async () => {
    const bounds = [
      { partition: 0, first: 0, end: 5 },
      { partition: 1, first: 0, end: 5 },
    ];
    const { log, batch } = scripted(bounds);
    const clock = manualClock(START_MS);
    const follower = await follow({ ...base, log, clock, from: 'end' });
    expect(follower.readToMs()).toBe(START_MS);
    // Both partitions go on, and there is always something that has not been read.
    clock.set(START_MS + 60_000);
    for (const entry of bounds) entry.end = 100;
    await batch(0, [record(50, START_MS + 59_000)]);
    await nextProbe();
    expect(follower.readToMs()).toBe(START_MS);
    await batch(1, [record(50, START_MS + 58_000)]);
    expect(follower.readToMs()).toBe(START_MS + 57_999);
    await follower.stop();
  });

  it('does not move on while the log can not be asked, and lives', async () => {
    const { log, setBroken } = scripted([{ partition: 0, first: 0, end: 5 }]);
    const clock = manualClock(START_MS);
    const follower = await follow({ ...base, log, clock, from: 'end' });
    clock.advance(5_000);
    setBroken(true);
    await nextProbe();
    expect(follower.readToMs()).toBe(START_MS);
    setBroken(false);
    await nextProbe();
    expect(follower.readToMs()).toBe(START_MS + 5_000);
    await follower.stop();
  });
});
