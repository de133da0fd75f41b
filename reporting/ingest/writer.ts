import type { Clock } from '../../core/clock.ts';
import type { Block } from '../store/store.ts';

/** Consecutive records of one partition: lo ≤ offset ≤ hi. */
export interface Range {
  readonly partition: number;
  readonly lo: number;
  readonly hi: number;
}

interface Placed {
  readonly partition: number;
  readonly offset: number;
}

export interface WriterOptions<Row extends Placed> {
  readonly topic: string;
  /** How long the first row of a block waits for company, milliseconds. */
  readonly flushMs: number;
  readonly maxBlockRows: number;
  /** One block per partition, as needed where partitions change hands; otherwise they share a block, which is cheaper. */
  readonly separate: boolean;
  readonly clock: Clock;
  /** Makes a block known before it is inserted. @returns false when that did not succeed; it is tried again */
  readonly announce: (ranges: readonly Range[]) => Promise<boolean>;
  readonly insert: (block: Block<Row>) => Promise<void>;
  /** Whether a block is in the store, asked when an insert's answer cannot be believed. */
  readonly isThere: (ranges: readonly Range[]) => Promise<boolean>;
  readonly onWritten: (ranges: readonly Range[], rows: readonly Row[]) => Promise<void>;
  readonly onFailure: (error: unknown, attempt: number) => void;
}

/** Gathers decided rows and writes them as blocks, one at a time, each until it is known to be there. */
export interface BlockWriter<Row extends Placed> {
  /** Resolves when rows of a partition may be added. */
  room(partition: number): Promise<void>;
  /** Takes the rows of consecutive records. */
  add(range: Range, rows: readonly Row[]): void;
  /** The partition's next block ends exactly at `hi`: somebody announced it and may still insert it. */
  endNextAt(partition: number, hi: number): void;
  /** Forgets a partition's waiting rows; resolves when no block of it is being written any more. */
  drop(partition: number): Promise<void>;
  /** Writes what is waiting, then stops; gives up on a store that does not answer. */
  stop(): Promise<void>;
  readonly waitingRows: number;
}

interface Waiting<Row> {
  readonly ranges: Map<number, Range>;
  rows: Row[];
  sinceMs: number;
  /** Where the block has to end, when that is not free. */
  endAt: number | null;
}

interface Writing {
  readonly ranges: readonly Range[];
  abandoned: boolean;
}

const MAX_BACKOFF_MS = 5000;
const ATTEMPTS_WHEN_STOPPING = 3;
const SHARED = -1;
/**
 * An embedded store works on the cores that bids need. A block costs it a sum of its own however few rows it has, so after each
 * it rests this many times as long as the block took: the busier the machine, the larger and fewer the blocks.
 */
const REST = 4;
const MAX_REST_MS = 1000;

export function createBlockWriter<Row extends Placed>(options: WriterOptions<Row>): BlockWriter<Row> {
  const { clock, flushMs, maxBlockRows } = options;
  const queues = new Map<number, Waiting<Row>>();
  let stopping = false;
  let current: Writing | null = null;
  let restUntilMs = Number.NEGATIVE_INFINITY;
  const progress = createSignal();
  const work = createSignal();
  const running = writeBlocks();

  const waitingRows = (): number => [...queues.values()].reduce((sum, { rows }) => sum + rows.length, 0);

  function queueOf(partition: number): Waiting<Row> {
    const key = options.separate ? partition : SHARED;
    let queue = queues.get(key);
    if (queue === undefined) {
      queue = { ranges: new Map(), rows: [], sinceMs: clock.monotonicMs(), endAt: null };
      queues.set(key, queue);
    }
    return queue;
  }

  /** Milliseconds until a queue's block may be written; Infinity while its announced end has not been read. */
  function dueInMs(queue: Waiting<Row>): number {
    if (queue.rows.length === 0) return Number.POSITIVE_INFINITY;
    if (queue.endAt !== null) return queue.rows.at(-1)!.offset >= queue.endAt ? 0 : Number.POSITIVE_INFINITY;
    if (stopping || queue.rows.length >= maxBlockRows) return 0;
    return Math.max(0, Math.max(queue.sinceMs + flushMs, restUntilMs) - clock.monotonicMs());
  }

  /** A queue that still waits for its announced end takes rows until it has it: nothing else can end its waiting. */
  function isFull(partition: number): boolean {
    const queue = queues.get(options.separate ? partition : SHARED);
    return queue !== undefined && queue.rows.length >= maxBlockRows && dueInMs(queue) !== Number.POSITIVE_INFINITY;
  }

  async function writeBlocks(): Promise<void> {
    for (;;) {
      const due = [...queues]
        .map(([key, queue]) => ({ key, queue, inMs: dueInMs(queue) }))
        .sort((a, b) => a.inMs - b.inMs || a.queue.sinceMs - b.queue.sinceMs)[0];
      if (due === undefined || due.inMs > 0) {
        if (stopping) return;
        await work.wait(due?.inMs ?? Number.POSITIVE_INFINITY);
        continue;
      }
      const { ranges, rows, pending } = take(due.key, due.queue);
      current = { ranges, abandoned: false };
      const startedMs = clock.monotonicMs();
      const written = await writeBlock(current, rows, pending);
      current = null;
      const endedMs = clock.monotonicMs();
      if (!options.separate) restUntilMs = endedMs + Math.min(MAX_REST_MS, REST * (endedMs - startedMs));
      progress.fire();
      if (!written && stopping) return;
    }
  }

  /** Takes a block out of its queue: all of it, or up to its announced end. */
  function take(key: number, queue: Waiting<Row>): { ranges: Range[]; rows: Row[]; pending: boolean } {
    queues.delete(key);
    const { endAt } = queue;
    const ranges = [...queue.ranges.values()];
    const whole = { ranges, rows: queue.rows, pending: endAt !== null };
    progress.fire();
    if (endAt === null || queue.rows.at(-1)!.offset === endAt) return whole;
    const cut = queue.rows.findIndex((row) => row.offset > endAt);
    const [range] = ranges;
    if (range === undefined || cut <= 0) return { ...whole, pending: false };
    const rest = queueOf(range.partition);
    rest.rows = queue.rows.slice(cut);
    rest.ranges.set(range.partition, { ...range, lo: endAt + 1 });
    return { ranges: [{ ...range, hi: endAt }], rows: queue.rows.slice(0, cut), pending: true };
  }

  /** @returns false when it was given up before the block was known to be there */
  async function writeBlock(writing: Writing, rows: readonly Row[], pending: boolean): Promise<boolean> {
    const { ranges } = writing;
    const name = blockToken(options.topic, ranges);
    let repeats = 0;
    for (let attempt = 1; !writing.abandoned; attempt++) {
      try {
        if (!(await announced(writing))) return false;
        await options.insert({ rows, token: repeats === 0 ? name : `${name}#${repeats}` });
        // Only a first insert's answer is believed. After that the data is asked: a server that remembers the token
        // may have lost the rows.
        if ((attempt === 1 && !pending) || (await options.isThere(ranges))) {
          await options.onWritten(ranges, rows);
          return true;
        }
        repeats += 1;
      } catch (error) {
        options.onFailure(error, attempt);
        if (stopping && attempt >= ATTEMPTS_WHEN_STOPPING) return false;
        await pause(Math.min(MAX_BACKOFF_MS, 50 * 2 ** Math.min(attempt, 10)));
        if (await isThereNow(ranges)) {
          await options.onWritten(ranges, rows);
          return true;
        }
      }
    }
    return false;
  }

  /** Repeats until the block is announced, or the partition was taken away. */
  async function announced(writing: Writing): Promise<boolean> {
    for (let attempt = 1; !writing.abandoned; attempt++) {
      if (await options.announce(writing.ranges)) return !writing.abandoned;
      if (stopping && attempt >= ATTEMPTS_WHEN_STOPPING) return false;
      await pause(Math.min(MAX_BACKOFF_MS, 50 * 2 ** Math.min(attempt, 10)));
    }
    return false;
  }

  async function isThereNow(ranges: readonly Range[]): Promise<boolean> {
    try {
      return await options.isThere(ranges);
    } catch {
      return false;
    }
  }

  return {
    async room(partition) {
      while (isFull(partition) && !stopping) await progress.wait(Number.POSITIVE_INFINITY);
    },
    add(range, rows) {
      // What comes while it stops is read again by the next: else it would never end under traffic.
      if (stopping) return;
      const queue = queueOf(range.partition);
      if (queue.rows.length === 0) queue.sinceMs = clock.monotonicMs();
      const before = queue.ranges.get(range.partition);
      queue.ranges.set(range.partition, before === undefined ? range : { ...before, hi: range.hi });
      for (const row of rows) queue.rows.push(row);
      work.fire();
    },
    endNextAt(partition, hi) {
      queueOf(partition).endAt = hi;
    },
    async drop(partition) {
      const key = options.separate ? partition : SHARED;
      const queue = queues.get(key);
      if (queue !== undefined) {
        queue.ranges.delete(partition);
        queue.rows = queue.rows.filter((row) => row.partition !== partition);
        if (queue.rows.length === 0) queues.delete(key);
      }
      progress.fire();
      while (current?.ranges.some((range) => range.partition === partition) === true) {
        if (options.separate) current.abandoned = true;
        await progress.wait(Number.POSITIVE_INFINITY);
      }
    },
    async stop() {
      stopping = true;
      progress.fire();
      work.fire();
      await running;
    },
    get waitingRows() {
      return waitingRows();
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

/** Wakes everybody who waits. */
function createSignal(): { wait(ms: number): Promise<void>; fire(): void } {
  let waiters: (() => void)[] = [];
  return {
    wait: (ms) =>
      new Promise<void>((resolve) => {
        const timer = Number.isFinite(ms) ? setTimeout(resolve, ms) : null;
        waiters.push(() => {
          if (timer !== null) clearTimeout(timer);
          resolve();
        });
      }),
    fire() {
      const woken = waiters;
      waiters = [];
      for (const waiter of woken) waiter();
    },
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
