import { randomUUID } from 'node:crypto';
import { CodedError } from '../../core/errors.ts';
import type { CommittedPosition, ConsumeOptions, LogConsumer, LogRecord } from '../../core/eventlog.ts';
import type { TopicName } from '../../core/topics.ts';
import { within } from '../../core/within.ts';
import type { EachBatchPayload, Kafka } from './kafka.ts';
import { type KafkaAdmin, type KafkaConsumer, type KafkaLogConfig, kafkaError } from './kafka.ts';

const STOP_MS = 3_000;
const DISCONNECT_MS = 1_000;

export interface KafkaDeps {
  readonly kafka: Kafka;
  readonly admin: KafkaAdmin;
  readonly config: KafkaLogConfig;
  readonly nameOf: (topic: TopicName) => string;
}

/**
 * One member of a consumer group. At every (re)join all partitions are fetched only after `start` has said from where:
 * until then they are paused, and what was under way for an earlier assignment is ignored.
 */
export async function startKafkaConsumer(deps: KafkaDeps, options: ConsumeOptions): Promise<LogConsumer> {
  const { kafka, admin, config } = deps;
  const topic = deps.nameOf(options.topic);
  const clientId = config.clientId ?? 'evenkeel';
  const groupId =
    options.group === null
      ? `${clientId}-follower-${randomUUID()}`
      : `${config.topicPrefix ?? ''}${clientId}-${options.group}`;
  const sessionTimeout = config.sessionTimeoutMs ?? 10_000;
  const consumer: KafkaConsumer = kafka.consumer({
    groupId,
    sessionTimeout,
    rebalanceTimeout: Math.max(sessionTimeout, 10_000),
    heartbeatInterval: Math.floor(sessionTimeout / 5),
    maxWaitTimeInMs: 100,
    maxBytesPerPartition: 4 * 1024 * 1024,
    allowAutoTopicCreation: false,
    readUncommitted: false,
    retry: { retries: 8, initialRetryTime: 200, maxRetryTime: 3000, restartOnFailure: async () => running },
  });
  let running = true;
  let epoch = 0;
  /** Partitions that may be delivered, with the assignment they belong to. */
  const ready = new Map<number, number>();
  const assigned = new Set<number>();
  const inHand = new Map<number, Promise<void>>();

  function fail(error: unknown): void {
    if (!running) return;
    running = false;
    options.onError(kafkaError(config, error));
    // Not awaited: it waits for the batch that may have brought us here.
    void consumer.stop().catch(() => {});
  }

  function revokeAll(): void {
    epoch += 1;
    ready.clear();
    for (const partition of assigned) options.onRevoked?.(partition);
    assigned.clear();
  }

  async function begin(partition: number, mine: number): Promise<void> {
    await inHand.get(partition);
    const committed = await committedPosition(admin, groupId, topic, partition);
    const offset = (await options.start?.(partition, committed)) ?? committed?.offset ?? 0;
    if (!running || epoch !== mine) return;
    const bounds = (await admin.fetchTopicOffsets(topic)).find((each) => each.partition === partition);
    if (!running || epoch !== mine) return;
    // Never before what is kept: Kafka would answer "out of range" and the client would decide by itself.
    const from = Math.max(offset, Number(bounds?.low ?? 0));
    consumer.seek({ topic, partition, offset: String(from) });
    ready.set(partition, mine);
    consumer.resume([{ topic, partitions: [partition] }]);
  }

  /** A broker that is away now is not a reason to stop: the next join, or this one's retry, finds it again. */
  async function beginWhenThere(partition: number, mine: number): Promise<void> {
    for (let attempt = 1; running && epoch === mine; attempt++) {
      try {
        await begin(partition, mine);
        return;
      } catch (error) {
        if (kafkaError(config, error).code !== 'kafka_unreachable') throw error;
        await new Promise((resolve) => setTimeout(resolve, Math.min(3000, 200 * attempt)));
      }
    }
  }

  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    revokeAll();
    const partitions = payload.memberAssignment[topic] ?? [];
    consumer.pause([{ topic, partitions }]);
    for (const partition of partitions) {
      assigned.add(partition);
      beginWhenThere(partition, epoch).catch(fail);
    }
  });
  consumer.on(consumer.events.REBALANCING, revokeAll);
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    revokeAll();
    if (!payload.restart) fail(payload.error);
  });

  async function eachBatch(payload: EachBatchPayload): Promise<void> {
    const { batch } = payload;
    const { partition } = batch;
    const mine = ready.get(partition);
    const current = (): boolean =>
      running && mine !== undefined && ready.get(partition) === mine && payload.isRunning() && !payload.isStale();
    const end = Number(batch.highWatermark);
    for (let i = 0; i < batch.messages.length && current(); i += options.maxBatchRecords) {
      const records: LogRecord[] = batch.messages.slice(i, i + options.maxBatchRecords).map((message) => ({
        offset: Number(message.offset),
        key: message.key?.toString() ?? '',
        value: message.value,
        appendedMs: Number(message.timestamp),
      }));
      try {
        await options.onBatch({ topic: options.topic, partition, records, end });
      } catch (error) {
        fail(error);
        return;
      }
      if (!current()) return;
      payload.resolveOffset(String(records.at(-1)!.offset));
      await payload.heartbeat();
    }
  }

  await consumer.connect();
  await consumer.subscribe({ topics: [topic], fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    partitionsConsumedConcurrently: 16,
    async eachBatch(payload) {
      const { partition } = payload.batch;
      const done = eachBatch(payload);
      inHand.set(
        partition,
        done.catch(() => {}),
      );
      // What is thrown here comes from the client itself (a rebalance, a broker that is away): it joins again.
      await done;
    },
  });

  return {
    async commit(partition: number, position: CommittedPosition) {
      if (options.group === null) {
        throw new CodedError('no_group', 'A consumer without a group keeps no position.', 'Name one.');
      }
      const { offset, metadata } = position;
      try {
        await consumer.commitOffsets([{ topic, partition, offset: String(offset), metadata }]);
      } catch (error) {
        throw new CodedError(
          'commit_refused',
          `The position of ${topic}/${partition} was not kept: the partition may belong to another member.`,
          'Nothing: what is in the store decides where reading resumes.',
          error,
        );
      }
    },
    async stop() {
      running = false;
      await Promise.all(inHand.values());
      // Leaving a group waits for a rebalance that is under way; nothing of ours depends on its end.
      await within(STOP_MS, consumer.stop());
      await within(DISCONNECT_MS, consumer.disconnect());
      if (options.group === null) await within(DISCONNECT_MS, admin.deleteGroups([groupId]));
    },
  };
}

async function committedPosition(
  admin: KafkaAdmin,
  groupId: string,
  topic: string,
  partition: number,
): Promise<CommittedPosition | null> {
  const [found] = await admin.fetchOffsets({ groupId, topics: [topic] });
  const position = found?.partitions.find((each) => each.partition === partition);
  if (position === undefined || position.offset === '-1') return null;
  return { offset: Number(position.offset), metadata: position.metadata ?? '' };
}
