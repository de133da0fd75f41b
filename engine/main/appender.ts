import type { EventLog, NewRecord } from '../../core/eventlog.ts';

interface Waiting {
  readonly thread: number;
  readonly ref: number;
  readonly record: NewRecord;
}

/**
 * Appends events to the log in groups: while one group becomes durable the next one gathers. How many can wait is
 * bounded by the threads' rings and tables.
 */
export interface Appender {
  add(thread: number, ref: number, record: NewRecord): void;
  /** Appends what has been added, unless a group is on its way already. */
  flush(): void;
  /** Resolves when nothing waits any more. */
  idle(): Promise<void>;
  readonly waiting: number;
}

export interface AppenderOptions {
  readonly log: EventLog;
  readonly maxRecords: number;
  readonly onDone: (thread: number, refs: readonly number[], durable: boolean) => void;
  readonly onError: (error: unknown, records: number) => void;
}

export function createAppender(options: AppenderOptions): Appender {
  const { log, maxRecords } = options;
  let queue: Waiting[] = [];
  let busy = false;
  let onIdle: (() => void)[] = [];

  async function appendGroups(): Promise<void> {
    while (queue.length > 0) {
      const group = queue.slice(0, maxRecords);
      queue = queue.slice(maxRecords);
      let durable = true;
      try {
        await log.append(
          'events',
          group.map(({ record }) => record),
        );
      } catch (error) {
        durable = false;
        options.onError(error, group.length);
      }
      answer(group, durable);
    }
    busy = false;
    for (const done of onIdle) done();
    onIdle = [];
  }

  function answer(group: readonly Waiting[], durable: boolean): void {
    const refs = new Map<number, number[]>();
    for (const { thread, ref } of group) {
      const list = refs.get(thread);
      if (list === undefined) refs.set(thread, [ref]);
      else list.push(ref);
    }
    for (const [thread, list] of refs) options.onDone(thread, list, durable);
  }

  return {
    add(thread, ref, record) {
      queue.push({ thread, ref, record });
    },
    flush() {
      if (busy || queue.length === 0) return;
      busy = true;
      void appendGroups();
    },
    idle: () => (busy ? new Promise((resolve) => onIdle.push(resolve)) : Promise.resolve()),
    get waiting() {
      return queue.length;
    },
  };
}
