import type { PartitionBounds } from './eventlog.ts';

/** Knows when everything that was in a topic at some instant has been read. */
export interface CatchUp {
  /** All records below offset `next` of the partition have been read. */
  read(partition: number, next: number): void;
  /**
   * Resolves when every partition has been read to where it ended, or when nothing came for `quietMs` from now on: the
   * last records of a compacted topic may be deletions that were dropped since, and then its end is never reached.
   */
  wait(quietMs: number): Promise<void>;
  isDone(): boolean;
  /** Ends the wait: its promise stays open. */
  stop(): void;
}

/** @param bounds of the topic at that instant; partitions without records are not waited for */
export function createCatchUp(bounds: readonly PartitionBounds[]): CatchUp {
  const goals = new Map(bounds.filter(({ first, end }) => first < end).map(({ partition, end }) => [partition, end]));
  let isQuiet = false;
  let timer: NodeJS.Timeout | undefined;
  let look: () => void = () => undefined;

  return {
    read(partition, next) {
      if (next >= (goals.get(partition) ?? Number.POSITIVE_INFINITY)) goals.delete(partition);
      look();
    },
    wait(quietMs) {
      return new Promise((resolve) => {
        look = () => {
          clearTimeout(timer);
          if (isQuiet || goals.size === 0) return resolve();
          timer = setTimeout(() => {
            isQuiet = true;
            resolve();
          }, quietMs);
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
