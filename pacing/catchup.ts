import { CodedError } from '../core/errors.ts';
import type { EventLog } from '../core/eventlog.ts';

/** A compacted topic read from its first record on. */
export interface Following {
  /**
   * Resolves once everything that is in the topic now has been read.
   * @throws CodedError `pacer_catch_up` when that takes longer than 30 s
   */
  caughtUp(): Promise<void>;
  stop(): Promise<void>;
}

const MAX_BATCH = 2000;
const CATCH_UP_TIMEOUT_MS = 30_000;

/** Follows a topic from its first record; `onRecord` gets every record in order, null values too. */
export async function followFromStart(
  log: EventLog,
  topic: 'campaigns' | 'pacing',
  onError: (error: unknown) => void,
  onRecord: (key: string, value: Buffer | null) => void,
): Promise<Following> {
  /** The next offset to be read, by partition. */
  const positions = new Map<number, number>();
  let waiting: (() => void)[] = [];
  const consumer = await log.consume({
    topic,
    group: null,
    maxBatchRecords: MAX_BATCH,
    start: async (partition) => (await log.bounds(topic)).find((one) => one.partition === partition)?.first ?? 0,
    async onBatch({ partition, records }) {
      for (const record of records) onRecord(record.key, record.value);
      positions.set(partition, (records.at(-1)?.offset ?? -1) + 1);
      const woken = waiting;
      waiting = [];
      for (const wake of woken) wake();
    },
    onError,
  });
  async function caughtUp(): Promise<void> {
    const ends = (await log.bounds(topic)).filter((one) => one.end > one.first);
    while (ends.some(({ partition, end }) => (positions.get(partition) ?? 0) < end))
      await new Promise<void>((resolve) => waiting.push(resolve));
  }
  return { caughtUp: () => withTimeout(caughtUp(), CATCH_UP_TIMEOUT_MS), stop: () => consumer.stop() };
}

async function withTimeout(work: Promise<unknown>, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new CodedError(
            'pacer_catch_up',
            'The campaigns and pacing topics could not be read to their end in 30 s.',
            'Check that the event log is up, then start the pacer again.',
          ),
        ),
      timeoutMs,
    );
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
