import { describe, expect, it } from 'vitest';
import type { EventLog, NewRecord } from '../../core/eventlog.ts';
import { createAppender } from './appender.ts';

/** A log whose appends end when the test says so. */
function slowLog() {
  const appends: { records: readonly NewRecord[]; end: (error?: Error) => void }[] = [];
  const log = {
    append: (_: string, records: readonly NewRecord[]) =>
      new Promise<void>((resolve, reject) => {
        appends.push({ records, end: (error) => (error === undefined ? resolve() : reject(error)) });
      }),
  } as unknown as EventLog;
  return { log, appends };
}
const record = (key: string): NewRecord => ({ key, value: Buffer.from(key) });
const turn = () => new Promise((resolve) => setImmediate(resolve));

describe('the appender', () => {
  it('gathers the next group while one is on its way, and answers each thread only when its own is durable', async () => {
    const { log, appends } = slowLog();
    const done: unknown[] = [];
    const appender = createAppender({
      log,
      maxRecords: 3,
      onDone: (...answer) => done.push(answer),
      onError: () => {},
    });
    appender.add(0, 1, record('a'));
    appender.flush();
    for (const ref of [2, 3, 4, 5]) appender.add(ref % 2, ref, record(`r${ref}`));
    appender.flush();
    expect(appends.length).toBe(1);
    expect(done).toEqual([]);
    appends[0]!.end();
    await turn();
    expect(done).toEqual([[0, [1], true]]);
    expect(appends[1]!.records.map(({ key }) => key)).toEqual(['r2', 'r3', 'r4']);
    appends[1]!.end(new Error('disk full'));
    await turn();
    expect(done.slice(1)).toEqual([
      [0, [2, 4], false],
      [1, [3], false],
    ]);
    const idle = appender.idle();
    appends[2]!.end();
    await idle;
    expect(done.at(-1)).toEqual([1, [5], true]);
    expect(appender.waiting).toBe(0);
  });
});
