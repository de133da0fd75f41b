import type { Clock } from '../../core/clock.ts';
import { CodedError } from '../../core/errors.ts';
import type { ConsumeOptions, EventLog, LogConsumer, LogRecord, NewRecord } from '../../core/eventlog.ts';
import { type TopicName, topicNames } from '../../core/topics.ts';
import { recordBytes } from './chunk.ts';
import { startEmbeddedConsumer } from './embeddedconsumer.ts';
import { type Append, createGroupCommit } from './groupcommit.ts';
import { type LogStorage, openLogStorage, type Retention } from './lmdb.ts';
import { partitionOf } from './partition.ts';
import { logClosed, logFull, refuseRecords } from './refusals.ts';

/** Bytes of one transaction at most, so that other writers get their turn. */
const MAX_TRANSACTION_BYTES = 8 * 1024 * 1024;
/** Transactions between two looks at retention. */
const RETAIN_EVERY = 64;

export interface EmbeddedLogConfig {
  /** Directory of the log; created when missing. Several processes may open it. */
  readonly dir: string;
  /** Partitions of the `events` topic, fixed when the directory is created. Default 4; every other topic has one. */
  readonly partitions?: number;
  /** How often to look for what other processes appended, milliseconds. Default 20. */
  readonly pollMs?: number;
  /** Appends waiting for the disk, bytes; more are refused with `log_overloaded`. Default 64 MiB. */
  readonly maxPendingBytes?: number;
  /** Bytes and age kept per partition of a topic that is not compacted. Default 2 GiB and 7 days. */
  readonly retention?: Partial<Retention>;
}

export interface EmbeddedLog extends EventLog {
  /** How full the fullest `events` partition is: bytes kept divided by the bytes allowed. At 1 appends are refused. */
  fill(): number;
  /**
   * Puts other values in the place of some events, at the same offsets; other processes may append meanwhile.
   * @param edit the new value, or null to leave the record as it is
   */
  rewrite(
    topic: 'events' | 'bidstats',
    edit: (record: LogRecord) => Buffer | null,
  ): Promise<{ readonly looked: number; readonly changed: number }>;
}

/**
 * The event log on LMDB: one machine, any number of processes, durable on disk when `append` resolves. Appends that
 * arrive while a transaction is being written share the next one (group commit).
 *
 * A group has one member here: a new one takes the group over, and the old one is told by `onRevoked` and an error
 * `group_taken_over`, so that a restart after a crash does not have to wait.
 *
 * Records that a group has committed past, or that no group reads, go by age and size. Records that a group still has
 * to read are never dropped: at `maxBytes` appends fail with `log_full` instead.
 */
export function createEmbeddedLog(config: EmbeddedLogConfig, deps: { readonly clock: Clock }): EmbeddedLog {
  const { maxPendingBytes = 64 * 1024 * 1024, pollMs = 20 } = config;
  const retention: Retention = { maxAgeMs: 7 * 86_400_000, maxBytes: 2 * 1024 ** 3, ...config.retention };
  const storage = openLogStorage(
    config.dir,
    Object.fromEntries(topicNames.map((topic) => [topic, topic === 'events' ? (config.partitions ?? 4) : 1])) as Record<
      TopicName,
      number
    >,
  );
  const watch = watchVersion(storage, pollMs);
  const consumers = new Set<LogConsumer>();
  let transactions = 0;
  let closed = false;
  let fullness = 0;
  const queue = createGroupCommit({
    maxPendingBytes,
    maxGroupBytes: MAX_TRANSACTION_BYTES,
    async write(group) {
      try {
        await storage.transact(() => writeGroup(group));
      } catch (error) {
        throw appendFailure(error);
      }
      fullness = fill();
      watch.wake();
    },
  });

  function writeGroup(group: readonly Append[]): void {
    const nowMs = deps.clock.nowMs();
    for (const [topic, partitions] of byPartition(group, storage)) {
      for (const [partition, records] of partitions) storage.append(topic, partition, records, nowMs);
    }
    if (transactions++ % RETAIN_EVERY === 0) {
      for (const topic of topicNames) {
        for (let p = 0; p < storage.partitionsOf(topic); p++) storage.retain(topic, p, retention, nowMs);
      }
    }
  }

  function fill(): number {
    if (closed) return fullness;
    let most = 0;
    for (let p = 0; p < storage.partitionsOf('events'); p++) most = Math.max(most, storage.bytes('events', p));
    return most / retention.maxBytes;
  }

  /** Looks again while it is full: another process may have made room. */
  function refuseFull(): CodedError | null {
    if (fullness < 1) return null;
    fullness = fill();
    return fullness < 1 ? null : logFull();
  }

  return {
    fill,
    async rewrite(topic, edit) {
      const sum = { looked: 0, changed: 0 };
      for (let partition = 0; partition < storage.partitionsOf(topic); partition++) {
        for (let from: number | null = 0; from !== null; ) {
          const at: number = from;
          const done = await storage.transact(() => storage.rewrite(topic, partition, at, edit));
          sum.looked += done.looked;
          sum.changed += done.changed;
          from = done.next;
        }
      }
      return sum;
    },
    append(topic, records) {
      const refusal = closed ? logClosed() : (refuseRecords(records) ?? (topic === 'events' ? refuseFull() : null));
      if (refusal !== null) return Promise.reject(refusal);
      return queue.add({ topic, records, bytes: records.reduce((sum, record) => sum + recordBytes(record), 0) });
    },
    async consume(options: ConsumeOptions) {
      if (closed) throw logClosed();
      const retain = (partition: number): void => {
        storage.retain(options.topic, partition, retention, deps.clock.nowMs());
      };
      const consumer = await startEmbeddedConsumer(storage, watch, options, retain);
      consumers.add(consumer);
      return { ...consumer, stop: () => consumer.stop().finally(() => consumers.delete(consumer)) };
    },
    async bounds(topic) {
      if (closed) throw logClosed();
      return Array.from({ length: storage.partitionsOf(topic) }, (_, p) => storage.bounds(topic, p));
    },
    async close() {
      if (closed) return;
      closed = true;
      await Promise.all([...consumers].map((consumer) => consumer.stop()));
      await queue.idle();
      watch.stop();
      await storage.root.close();
    },
  };
}

/** Wakes consumers when anything changed, in this process at once and for other processes by polling one number. */
export interface VersionWatch {
  /** Resolves at the next change. */
  changed(): Promise<void>;
  wake(): void;
  stop(): void;
}

function watchVersion(storage: LogStorage, pollMs: number): VersionWatch {
  let seen = storage.version();
  let waiters: (() => void)[] = [];
  const wake = (): void => {
    const woken = waiters;
    waiters = [];
    for (const waiter of woken) waiter();
  };
  const timer = setInterval(() => {
    const version = storage.version();
    if (version === seen) return;
    seen = version;
    wake();
  }, pollMs);
  return {
    changed: () => new Promise<void>((resolve) => waiters.push(resolve)),
    wake,
    stop() {
      clearInterval(timer);
      wake();
    },
  };
}

function byPartition(
  group: readonly Append[],
  storage: LogStorage,
): ReadonlyMap<TopicName, ReadonlyMap<number, readonly NewRecord[]>> {
  const topics = new Map<TopicName, Map<number, NewRecord[]>>();
  for (const { topic, records } of group) {
    let partitions = topics.get(topic);
    if (partitions === undefined) {
      partitions = new Map();
      topics.set(topic, partitions);
    }
    const count = storage.partitionsOf(topic);
    for (const record of records) {
      const partition = count === 1 ? 0 : partitionOf(record.key, count);
      const list = partitions.get(partition);
      if (list === undefined) partitions.set(partition, [record]);
      else list.push(record);
    }
  }
  return topics;
}

function appendFailure(error: unknown): CodedError {
  return new CodedError(
    'log_append_failed',
    `The event log could not be written: ${error instanceof Error ? error.message : String(error)}.`,
    'Check free space and the state of the disk under the log directory.',
    error,
  );
}
