import type { Clock } from '../../core/clock.ts';
import type { Block } from '../store/store.ts';

/** Consecutive offsets of one partition: lo ≤ offset ≤ hi. */
export interface Range {
  readonly partition: number;
  readonly lo: number;
  readonly hi: number;
}

export interface WriterOptions<Row> {
  readonly topic: string;
  /** How long the first row of a block waits for company, milliseconds. */
  readonly flushMs: number;
  readonly maxBlockRows: number;
  readonly clock: Clock;
  readonly insert: (block: Block<Row>) => Promise<void>;
  /** Whether a block is in the store, asked after an insert whose outcome is not known. */
  readonly isThere: (ranges: readonly Range[]) => Promise<boolean>;
  readonly onWritten: (ranges: readonly Range[], rows: readonly Row[], attempts: number) => void;
  readonly onFailure: (error: unknown, attempt: number) => void;
}

/** Gathers decided rows and writes them as blocks, one at a time, each until it is known to be there. */
export interface BlockWriter<Row> {
  /** Takes the rows of consecutive records. Waits while a full block is waiting to be written. */
  add(range: Range, rows: readonly Row[]): Promise<void>;
  /** Writes what is waiting, then stops; gives up on a store that does not answer. */
  stop(): Promise<void>;
  readonly waitingRows: number;
}

interface Waiting<Row> {
  readonly ranges: Map<number, Range>;
  rows: Row[];
  sinceMs: number;
}

const MAX_BACKOFF_MS = 5000;

export function createBlockWriter<Row>(options: WriterOptions<Row>): BlockWriter<Row> {
  const { clock, flushMs, maxBlockRows } = options;
  const empty = (): Waiting<Row> => ({ ranges: new Map(), rows: [], sinceMs: 0 });
  let waiting = empty();
  let stopping = false;
  let wake: () => void = () => {};
  let waiters: (() => void)[] = [];
  const letIn = (): void => {
    const woken = waiters;
    waiters = [];
    for (const waiter of woken) waiter();
  };
  const writing = writeBlocks();

  async function writeBlocks(): Promise<void> {
    for (;;) {
      if (waiting.rows.length === 0) {
        if (stopping) return;
        await sleep(Number.POSITIVE_INFINITY);
        continue;
      }
      const leftMs = waiting.sinceMs + flushMs - clock.monotonicMs();
      if (leftMs > 0 && waiting.rows.length < maxBlockRows && !stopping) {
        await sleep(leftMs);
        continue;
      }
      const block = waiting;
      waiting = empty();
      letIn();
      if (!(await writeBlock([...block.ranges.values()], block.rows))) return;
    }
  }

  /** @returns false when it stopped before the block was known to be there */
  async function writeBlock(ranges: readonly Range[], rows: readonly Row[]): Promise<boolean> {
    const name = blockToken(options.topic, ranges);
    let repeats = 0;
    for (let attempt = 1; ; attempt++) {
      try {
        // The first answer is believed. After that only the data is: a server may remember a token whose rows it lost.
        await options.insert({ rows, token: repeats === 0 ? name : `${name}#${repeats}` });
        if (attempt === 1 || (await options.isThere(ranges))) {
          options.onWritten(ranges, rows, attempt);
          return true;
        }
        repeats += 1;
      } catch (error) {
        options.onFailure(error, attempt);
        if (stopping && attempt > 3) return false;
        await pause(Math.min(MAX_BACKOFF_MS, 50 * 2 ** Math.min(attempt, 10)));
        if (await isThereNow(ranges)) {
          options.onWritten(ranges, rows, attempt);
          return true;
        }
      }
    }
  }

  async function isThereNow(ranges: readonly Range[]): Promise<boolean> {
    try {
      return await options.isThere(ranges);
    } catch {
      return false;
    }
  }

  async function sleep(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = Number.isFinite(ms) ? setTimeout(resolve, ms) : null;
      wake = () => {
        if (timer !== null) clearTimeout(timer);
        resolve();
      };
    });
  }

  return {
    async add(range, rows) {
      while (waiting.rows.length >= maxBlockRows && !stopping) {
        await new Promise<void>((resolve) => waiters.push(resolve));
      }
      const first = waiting.rows.length === 0;
      if (first) waiting.sinceMs = clock.monotonicMs();
      const before = waiting.ranges.get(range.partition);
      waiting.ranges.set(range.partition, before === undefined ? range : { ...before, hi: range.hi });
      for (const row of rows) waiting.rows.push(row);
      if (first || waiting.rows.length >= maxBlockRows) wake();
    },
    async stop() {
      stopping = true;
      letIn();
      wake();
      await writing;
    },
    get waitingRows() {
      return waiting.rows.length;
    },
  };
}

/** The name of a block: what it covers, and nothing that could differ between two attempts. */
export function blockToken(topic: string, ranges: readonly Range[]): string {
  const parts = [...ranges]
    .sort((a, b) => a.partition - b.partition)
    .map(({ partition, lo, hi }) => `${partition}:${lo}-${hi}`);
  return `${topic}/${parts.join(',')}`;
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
