import { type CatchUp, createCatchUp } from '../core/catchup.ts';
import { CodedError } from '../core/errors.ts';
import type { EventLog } from '../core/eventlog.ts';

/** A compacted topic read from its first record on. */
export interface Following {
  /**
   * Resolves once everything that is in the topic now has been read, or nothing more comes. What would come
   * later still is safe: nothing is handed out before our own first message has been read, which stands behind it all.
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
  topic: 'campaigns' | 'pacing' | 'forecasts',
  onError: (error: unknown) => void,
  onRecord: (key: string, value: Buffer | null) => void,
): Promise<Following> {
  /** The next offset to be read, by partition. */
  const positions = new Map<number, number>();
  let catchUp: CatchUp | null = null;
  const consumer = await log.consume({
    topic,
    group: null,
    maxBatchRecords: MAX_BATCH,
    start: async (partition) => (await log.bounds(topic)).find((one) => one.partition === partition)?.first ?? 0,
    async onBatch({ partition, records }) {
      for (const record of records) onRecord(record.key, record.value);
      const next = (records.at(-1)?.offset ?? -1) + 1;
      positions.set(partition, next);
      catchUp?.read(partition, next);
    },
    onError,
  });
  async function caughtUp(): Promise<void> {
    catchUp?.stop();
    catchUp = createCatchUp(await log.bounds(topic));
    for (const [partition, next] of positions) catchUp.read(partition, next);
    await catchUp.wait();
  }
  async function stop(): Promise<void> {
    catchUp?.stop();
    await consumer.stop();
  }
  return { caughtUp: () => withTimeout(caughtUp(), CATCH_UP_TIMEOUT_MS), stop };
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
