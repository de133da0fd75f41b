import type { Clock } from '../../core/clock.ts';
import { CodedError } from '../../core/errors.ts';
import type { ConsumeOptions, EventLog, LogConsumer, NewRecord } from '../../core/eventlog.ts';
import { type TopicName, topicNames } from '../../core/topics.ts';
import { recordBytes } from './chunk.ts';
import { startEmbeddedConsumer } from './embeddedconsumer.ts';
import { type LogStorage, openLogStorage, type Retention } from './lmdb.ts';
import { partitionOf } from './partition.ts';

/** Longest value of one record. */
export const MAX_RECORD_BYTES = 1024 * 1024;
const MAX_KEY_BYTES = 1024;
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
}

interface Pending {
  readonly topic: TopicName;
  readonly records: readonly NewRecord[];
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
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
  let waiting: Pending[] = [];
  let waitingBytes = 0;
  let writing: Promise<void> | null = null;
  let transactions = 0;
  let closed = false;

  async function writeAll(): Promise<void> {
    // A turn of the event loop lets callers of the same turn share the transaction.
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (waiting.length > 0) {
      const group = waiting;
      waiting = [];
      try {
        await storage.transact(() => writeGroup(group));
        for (const pending of group) pending.resolve();
      } catch (error) {
        const failure = appendFailure(error);
        for (const pending of group) pending.reject(failure);
      }
      for (const pending of group) waitingBytes -= pending.bytes;
      watch.wake();
    }
    writing = null;
  }

  function writeGroup(group: readonly Pending[]): void {
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
    let most = 0;
    for (let p = 0; p < storage.partitionsOf('events'); p++) most = Math.max(most, storage.bytes('events', p));
    return most / retention.maxBytes;
  }

  return {
    fill,
    append(topic, records) {
      const bytes = records.reduce((sum, record) => sum + recordBytes(record), 0);
      const refusal = closed
        ? logClosed()
        : (refuseRecords(records) ?? refuseLoad(waitingBytes, bytes, maxPendingBytes, topic === 'events' ? fill() : 0));
      if (refusal !== null) return Promise.reject(refusal);
      if (records.length === 0) return Promise.resolve();
      waitingBytes += bytes;
      return new Promise<void>((resolve, reject) => {
        waiting.push({ topic, records, bytes, resolve, reject });
        writing ??= writeAll();
      });
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
      return Array.from({ length: storage.partitionsOf(topic) }, (_, p) => storage.bounds(topic, p));
    },
    async close() {
      if (closed) return;
      closed = true;
      await Promise.all([...consumers].map((consumer) => consumer.stop()));
      while (writing !== null) await writing;
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
  group: readonly Pending[],
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

function refuseRecords(records: readonly NewRecord[]): CodedError | null {
  const bad = records.find(
    (record) => Buffer.byteLength(record.key) > MAX_KEY_BYTES || (record.value?.length ?? 0) > MAX_RECORD_BYTES,
  );
  if (bad === undefined) return null;
  return new CodedError(
    'record_too_large',
    `A record's key may have ${MAX_KEY_BYTES} bytes and its value ${MAX_RECORD_BYTES}.`,
    'Split the message.',
  );
}

function refuseLoad(waitingBytes: number, bytes: number, maxPendingBytes: number, fill: number): CodedError | null {
  if (waitingBytes + bytes > maxPendingBytes) {
    return new CodedError(
      'log_overloaded',
      `${waitingBytes} bytes already wait for the disk.`,
      'Slow down and append again; if it stays, the disk is too slow for the load.',
    );
  }
  if (fill < 1) return null;
  return new CodedError(
    'log_full',
    'The events that are not yet ingested fill the log.',
    'Start ingest and let it catch up, or allow the log more bytes.',
  );
}

function logClosed(): CodedError {
  return new CodedError('log_closed', 'The event log is closed.', 'Open it again.');
}

function appendFailure(error: unknown): CodedError {
  return new CodedError(
    'log_append_failed',
    `The event log could not be written: ${error instanceof Error ? error.message : String(error)}.`,
    'Check free space and the state of the disk under the log directory.',
    error,
  );
}
