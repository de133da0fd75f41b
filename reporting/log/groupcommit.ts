import type { NewRecord } from '../../core/eventlog.ts';
import type { TopicName } from '../../core/topics.ts';
import { logOverloaded } from './refusals.ts';

export interface Append {
  readonly topic: TopicName;
  readonly records: readonly NewRecord[];
  readonly bytes: number;
}

export interface GroupCommitOptions {
  readonly maxPendingBytes: number;
  /** Bytes written at once at most; a single larger append is written alone. */
  readonly maxGroupBytes: number;
  readonly write: (group: readonly Append[]) => Promise<void>;
}

/** Appends that arrive while one write is under way share the next one. */
export interface GroupCommit {
  add(append: Append): Promise<void>;
  /** Resolves when nothing is waiting. */
  idle(): Promise<void>;
}

interface Pending extends Append {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export function createGroupCommit(options: GroupCommitOptions): GroupCommit {
  let waiting: Pending[] = [];
  let waitingBytes = 0;
  let writing: Promise<void> | null = null;

  async function writeAll(): Promise<void> {
    // A turn of the event loop lets callers of the same turn share the write.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (waiting.length > 0) {
      const group = take();
      try {
        await options.write(group);
        for (const pending of group) pending.resolve();
      } catch (error) {
        for (const pending of group) pending.reject(error);
      }
      for (const pending of group) waitingBytes -= pending.bytes;
    }
    writing = null;
  }

  function take(): Pending[] {
    let bytes = 0;
    let count = 0;
    while (count < waiting.length && (count === 0 || bytes + waiting[count]!.bytes <= options.maxGroupBytes)) {
      bytes += waiting[count]!.bytes;
      count += 1;
    }
    const group = waiting.slice(0, count);
    waiting = waiting.slice(count);
    return group;
  }

  return {
    add(append) {
      if (append.records.length === 0) return Promise.resolve();
      if (waitingBytes + append.bytes > options.maxPendingBytes) return Promise.reject(logOverloaded(waitingBytes));
      waitingBytes += append.bytes;
      return new Promise<void>((resolve, reject) => {
        waiting.push({ ...append, resolve, reject });
        writing ??= writeAll();
      });
    },
    async idle() {
      while (writing !== null) await writing;
    },
  };
}
