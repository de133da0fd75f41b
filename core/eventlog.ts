import type { TopicName } from './topics.ts';

/** One record of a topic. Offsets are integers that grow within a partition; a compacted topic may have gaps. */
export interface LogRecord {
  readonly offset: number;
  readonly key: string;
  /** null deletes the key of a compacted topic. */
  readonly value: Buffer | null;
  /** When it was appended, milliseconds since the epoch. */
  readonly appendedMs: number;
}

export interface NewRecord {
  readonly key: string;
  readonly value: Buffer | null;
}

/** Records of one partition in offset order, never empty. */
export interface LogBatch {
  readonly topic: TopicName;
  readonly partition: number;
  readonly records: readonly LogRecord[];
  /** The offset the next record appended to this partition will get, as known when the batch was read: lag is `end - last offset - 1`. */
  readonly end: number;
}

/** Where a consumer group stands in a partition: the next offset to read, and text of its own. */
export interface CommittedPosition {
  readonly offset: number;
  readonly metadata: string;
}

export interface ConsumeOptions {
  readonly topic: TopicName;
  /** A group shares the partitions among its members; null reads all of them without any position being kept. */
  readonly group: string | null;
  readonly maxBatchRecords: number;
  /**
   * Asked when a partition is assigned: the offset to start from. A group that keeps its position elsewhere (in the
   * data) answers from there; the default is the committed offset, or the earliest.
   */
  readonly start?: (partition: number, committed: CommittedPosition | null) => Promise<number>;
  /** One partition's batches come one after another. A rejection stops the consumer and is reported to `onError`. */
  readonly onBatch: (batch: LogBatch) => Promise<void>;
  /** A partition was taken away: forget its state. Another member may already be reading it. */
  readonly onRevoked?: (partition: number) => void;
  /** The consumer stopped and will not continue by itself. */
  readonly onError: (error: unknown) => void;
}

export interface LogConsumer {
  /** Keeps a position (the next offset to read) for the group, with at most 2 KiB of metadata. */
  commit(partition: number, position: CommittedPosition): Promise<void>;
  /** Waits for the batch in hand, then stops. */
  stop(): Promise<void>;
}

/** The readable range of a partition: first ≤ offset < end. */
export interface PartitionBounds {
  readonly partition: number;
  readonly first: number;
  readonly end: number;
}

/**
 * A durable, partitioned, ordered log. Delivery is at least once: exactly-once is made downstream, from event ids and
 * from the position kept in the data. A key always goes to the same partition.
 */
export interface EventLog {
  /** Resolves when all records are durable, rejects when that is not known (the caller may append them again). */
  append(topic: TopicName, records: readonly NewRecord[]): Promise<void>;
  consume(options: ConsumeOptions): Promise<LogConsumer>;
  bounds(topic: TopicName): Promise<readonly PartitionBounds[]>;
  /** Stops all consumers and releases everything. Appends still under way are finished first. */
  close(): Promise<void>;
}
