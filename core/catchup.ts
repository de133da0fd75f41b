import type { PartitionBounds } from './eventlog.ts';

/** Knows when everything that was in a topic at some instant has been read. */
export interface CatchUp {
  /** All records below offset `next` of the partition have been read. */
  read(partition: number, next: number): void;
  /**
   * Resolves when every partition has been read to where it ended, or when nothing more comes: the last records of a
   * compacted topic may be deletions that were dropped since, and then its end is never reached. Quiet begins with the
   * first record; without any it takes ten seconds from now, because a broker may be slow to begin.
   */
  wait(): Promise<void>;
  isDone(): boolean;
  /** Ends the wait: its promise stays open. */
  stop(): void;
}

const QUIET_MS = 3_000;
const SILENT_MS = 10_000;

/**
 * @param bounds of the topic at that instant; partitions without records are not waited for
 * @param quietMs after a record, when no more is expected to come
 */
export function createCatchUp(bounds: readonly PartitionBounds[], quietMs = QUIET_MS): CatchUp {
  const goals = new Map(bounds.filter(({ first, end }) => first < end).map(({ partition, end }) => [partition, end]));
  let isAnyRead = false;
  let isQuiet = false;
  let timer: NodeJS.Timeout | undefined;
  let look: () => void = () => undefined;

  return {
    read(partition, next) {
      isAnyRead = true;
      if (next >= (goals.get(partition) ?? Number.POSITIVE_INFINITY)) goals.delete(partition);
      look();
    },
    wait() {
      return new Promise((resolve) => {
        look = () => {
          clearTimeout(timer);
          if (isQuiet || goals.size === 0) return resolve();
          const end = (): void => {
            isQuiet = true;
            resolve();
          };
          timer = setTimeout(end, isAnyRead ? quietMs : SILENT_MS);
        };
        look();
      });
    },
    isDone: () => isQuiet || goals.size === 0,
    stop() {
      clearTimeout(timer);
      look = () => undefined;
    },
  };
}
