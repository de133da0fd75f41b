import {
  type Admin,
  type Consumer,
  Kafka,
  type KafkaConfig,
  logLevel,
  type Producer,
  type SASLOptions,
  type TopicMessages,
} from 'kafkajs';
import { CodedError, messageOf } from '../../core/errors.ts';
import type { ConsumeOptions, EventLog, LogConsumer, NewRecord, PartitionBounds } from '../../core/eventlog.ts';
import { type TopicName, topicNames, topics } from '../../core/topics.ts';
import { recordBytes } from './chunk.ts';
import { createGroupCommit } from './groupcommit.ts';
import { startKafkaConsumer } from './kafkaconsumer.ts';
import { partitionOf } from './partition.ts';
import { logClosed, refuseRecords } from './refusals.ts';

export type { EachBatchPayload, Kafka } from 'kafkajs';
export type KafkaConsumer = Consumer;
export type KafkaAdmin = Admin;

export interface KafkaLogConfig {
  /** `host:port`, at least one. */
  readonly brokers: readonly string[];
  readonly clientId?: string;
  /** true, or TLS options (ca, cert, key as PEM text). */
  readonly ssl?: KafkaConfig['ssl'];
  readonly sasl?: {
    readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
    readonly username: string;
    readonly password: string;
  };
  /** Put before every topic's name, so that installations can share a cluster. Default none. */
  readonly topicPrefix?: string;
  /** Create missing topics. Default true; false where only an administrator may. */
  readonly createTopics?: boolean;
  /** Partitions of `events` when it is created. Default 8; every other topic has one. */
  readonly partitions?: number;
  /** Copies of each topic when it is created. Default 1; use 3 in production. */
  readonly replication?: number;
  /** Age kept of topics that are not compacted, when they are created, milliseconds. Default 7 days. */
  readonly retentionMs?: number;
  /** A group member that is silent for so long loses its partitions, milliseconds. Default 10,000. */
  readonly sessionTimeoutMs?: number;
  /** How long one request may take, milliseconds. Default 10,000. */
  readonly requestTimeoutMs?: number;
  /** Appends waiting, bytes; more are refused with `log_overloaded`. Default 64 MiB. */
  readonly maxPendingBytes?: number;
}

/** A Kafka log also says how long records stay: nobody can take one out of it. */
export interface KafkaLog extends EventLog {
  /**
   * The longest that a record of a topic can stay, milliseconds, by the topic's settings and the brokers' usual round
   * of five minutes; null: for ever. A segment leaves as a whole, `retention.ms` after its newest record, which
   * can be `segment.ms` newer than its oldest.
   */
  keptForMs(topic: TopicName): Promise<number | null>;
}

/** Between two records of one segment at most, when we create a topic: what leaves late leaves a day late. */
const SEGMENT_MS = 86_400_000;
const RETENTION_ROUND_MS = 300_000;
/** `describeConfigs` of kafkajs names kinds of resources by number. */
const TOPIC_RESOURCE = 2;

/** Bytes of one request to the brokers: under the topics' `max.message.bytes`, which bounds a partition's share. */
const MAX_SEND_BYTES = 900 * 1024;
/** A quarter of a second between two. */
const SERVED_ATTEMPTS = 60;
const notServedYet = new Set(['UNKNOWN_TOPIC_OR_PARTITION', 'LEADER_NOT_AVAILABLE', 'NOT_LEADER_FOR_PARTITION']);
const MAX_MESSAGE_BYTES = 2 * 1024 * 1024;

/**
 * The event log on Apache Kafka. Connects, checks or creates the topics, and reports what is wrong at once.
 *
 * kafkajs' idempotent producer loses messages when sends overlap and one times out, so it is off, and so is its own
 * repetition, which loses messages when a partition's leader changes meanwhile. Every append waits
 * for all in-sync replicas, one request is under way at a time, and a request of unknown outcome is an error whose
 * repetition the consumer recognises by event id.
 *
 * @throws CodedError `kafka_unreachable`, `kafka_denied`, `kafka_tls_failed`, `kafka_topic_missing`
 */
export async function createKafkaLog(config: KafkaLogConfig): Promise<KafkaLog> {
  const kafka = new Kafka(clientConfig(config));
  const nameOf = (topic: TopicName): string => `${config.topicPrefix ?? ''}${topic}`;
  const admin = kafka.admin({ retry: { retries: 3, initialRetryTime: 200 } });
  const producer = kafka.producer({
    idempotent: false,
    maxInFlightRequests: 1,
    allowAutoTopicCreation: false,
    // Its own repetition loses records: see `sendAll`.
    retry: { retries: 0 },
  });
  const counts = await guarded(config, async () => {
    await admin.connect();
    if (config.createTopics ?? true) await whenServed(() => createTopics(admin, config, nameOf));
    const found = await whenServed(() => partitionCounts(admin, nameOf));
    await producer.connect();
    return found;
  }).catch(async (error: unknown) => {
    await Promise.allSettled([admin.disconnect(), producer.disconnect()]);
    throw error;
  });

  const consumers = new Set<LogConsumer>();
  let closed = false;
  const queue = createGroupCommit({
    maxPendingBytes: config.maxPendingBytes ?? 64 * 1024 * 1024,
    maxGroupBytes: MAX_SEND_BYTES,
    write: (group) => guarded(config, () => sendAll(producer, batchOf(group, nameOf, counts))),
  });

  return {
    append(topic, records) {
      const refusal = closed ? logClosed() : refuseRecords(records);
      if (refusal !== null) return Promise.reject(refusal);
      return Promise.all(slices(records).map((slice) => queue.add({ topic, ...slice }))).then(() => {});
    },
    async consume(options: ConsumeOptions) {
      if (closed) throw logClosed();
      const consumer = await guarded(config, () => startKafkaConsumer({ kafka, admin, config, nameOf }, options));
      consumers.add(consumer);
      return { ...consumer, stop: () => consumer.stop().finally(() => consumers.delete(consumer)) };
    },
    async bounds(topic): Promise<PartitionBounds[]> {
      const offsets = await guarded(config, () => admin.fetchTopicOffsets(nameOf(topic)));
      return offsets
        .map(({ partition, low, high }) => ({ partition, first: Number(low), end: Number(high) }))
        .sort((a, b) => a.partition - b.partition);
    },
    keptForMs: (topic) => guarded(config, () => keptForMs(admin, nameOf(topic))),
    async close() {
      if (closed) return;
      closed = true;
      await Promise.all([...consumers].map((consumer) => consumer.stop()));
      await queue.idle();
      await Promise.allSettled([producer.disconnect(), admin.disconnect()]);
    },
  };
}

function clientConfig(config: KafkaLogConfig): KafkaConfig {
  return {
    brokers: [...config.brokers],
    clientId: config.clientId ?? 'evenkeel',
    ...(config.ssl === undefined ? {} : { ssl: config.ssl }),
    ...(config.sasl === undefined ? {} : { sasl: loginOf(config.sasl) }),
    connectionTimeout: 3000,
    requestTimeout: config.requestTimeoutMs ?? 10_000,
    retry: { retries: 5, initialRetryTime: 200, maxRetryTime: 5000 },
    logLevel: logLevel.NOTHING,
  };
}

/** An object of its own: kafkajs keeps what it made of a login in the object, and would go on with the old password. */
function loginOf({ mechanism, username, password }: NonNullable<KafkaLogConfig['sasl']>): SASLOptions {
  return { mechanism, username, password } as SASLOptions;
}

async function createTopics(admin: Admin, config: KafkaLogConfig, nameOf: (topic: TopicName) => string): Promise<void> {
  const existing = new Set(await admin.listTopics());
  const missing = topicNames.filter((topic) => !existing.has(nameOf(topic)));
  if (missing.length === 0) return;
  const replication = config.replication ?? 1;
  await admin.createTopics({
    waitForLeaders: true,
    topics: missing.map((topic) => ({
      topic: nameOf(topic),
      numPartitions: topic === 'events' ? (config.partitions ?? 8) : 1,
      replicationFactor: replication,
      configEntries: [
        { name: 'cleanup.policy', value: topics[topic].compacted ? 'compact' : 'delete' },
        { name: 'max.message.bytes', value: String(MAX_MESSAGE_BYTES) },
        { name: 'min.insync.replicas', value: String(Math.max(1, replication - 1)) },
        ...(topics[topic].compacted
          ? []
          : [
              { name: 'retention.ms', value: String(config.retentionMs ?? 7 * 86_400_000) },
              { name: 'segment.ms', value: String(SEGMENT_MS) },
            ]),
      ],
    })),
  });
}

async function keptForMs(admin: Admin, name: string): Promise<number | null> {
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: TOPIC_RESOURCE, name, configNames: ['retention.ms', 'segment.ms'] }],
  });
  const entries = resources[0]?.configEntries ?? [];
  const [retentionMs = -1, segmentMs = 0] = ['retention.ms', 'segment.ms'].map((wanted) =>
    Number(entries.find(({ configName }) => configName === wanted)?.configValue ?? -1),
  );
  return retentionMs < 0 ? null : retentionMs + Math.max(0, segmentMs) + RETENTION_ROUND_MS;
}

async function partitionCounts(
  admin: Admin,
  nameOf: (topic: TopicName) => string,
): Promise<Readonly<Record<TopicName, number>>> {
  const counts: Partial<Record<TopicName, number>> = {};
  const existing = new Set(await admin.listTopics());
  const missing = topicNames.filter((topic) => !existing.has(nameOf(topic)));
  if (missing.length > 0) {
    throw new CodedError(
      'kafka_topic_missing',
      `Kafka has no topic ${missing.map(nameOf).join(', ')}.`,
      'Let it be created (createTopics), or create it as docs/operating/recovery.md says.',
    );
  }
  const metadata = await admin.fetchTopicMetadata({ topics: topicNames.map(nameOf) });
  // Fails until every partition has a leader that serves it.
  for (const topic of topicNames) await admin.fetchTopicOffsets(nameOf(topic));
  for (const topic of topicNames) {
    counts[topic] = metadata.topics.find(({ name }) => name === nameOf(topic))?.partitions.length ?? 1;
  }
  return counts as Record<TopicName, number>;
}

/**
 * A topic that was created a moment ago, by us or by another process, is listed before its partitions are served. When
 * topics are listed meanwhile, kafkajs drops the broker's error and stumbles over its own null: a TypeError.
 */
async function whenServed<T>(action: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await action();
    } catch (error) {
      const cause = rootCause(error) as { type?: string };
      const isEarly = notServedYet.has(cause.type ?? '') || cause instanceof TypeError;
      if (attempt === SERVED_ATTEMPTS || !isEarly) throw error;
      await new Promise((resolve) => setTimeout(resolve, 250));
    }
  }
}

/** Records in pieces that fit one request each. */
function slices(records: readonly NewRecord[]): { records: NewRecord[]; bytes: number }[] {
  const pieces: { records: NewRecord[]; bytes: number }[] = [];
  for (const record of records) {
    const bytes = recordBytes(record);
    const piece = pieces.at(-1);
    if (piece !== undefined && piece.bytes + bytes <= MAX_SEND_BYTES) {
      piece.records.push(record);
      piece.bytes += bytes;
    } else {
      pieces.push({ records: [record], bytes });
    }
  }
  return pieces;
}

interface Queued {
  readonly topic: TopicName;
  readonly records: readonly NewRecord[];
}

function batchOf(
  group: readonly Queued[],
  nameOf: (topic: TopicName) => string,
  counts: Readonly<Record<TopicName, number>>,
): TopicMessages[] {
  const byTopic = new Map<TopicName, TopicMessages['messages']>();
  for (const { topic, records } of group) {
    const messages = byTopic.get(topic) ?? [];
    for (const { key, value } of records) messages.push({ key, value, partition: partitionOf(key, counts[topic]) });
    byTopic.set(topic, messages);
  }
  return [...byTopic].map(([topic, messages]) => ({ topic: nameOf(topic), messages }));
}

/** Attempts of one group, and the pause before the second, milliseconds. After that the caller decides. */
const SEND_ATTEMPTS = 3;
const SEND_PAUSE_MS = 150;

/**
 * Sends a group until every partition has acknowledged it. kafkajs remembers by broker what was acknowledged: when a
 * leader dies and one that has already answered takes its partition, a repetition by kafkajs leaves that partition out
 * and reports success. So each attempt is a whole one, and its answer is checked to name every partition.
 */
async function sendAll(producer: Producer, topicMessages: TopicMessages[]): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      const missing = unanswered(topicMessages, await producer.sendBatch({ acks: -1, topicMessages }));
      if (missing === null) return;
      throw new Error(`no acknowledgement of ${missing}`);
    } catch (error) {
      if (attempt === SEND_ATTEMPTS || (error as Error).name === 'KafkaJSNonRetriableError') throw error;
      await new Promise((resolve) => setTimeout(resolve, SEND_PAUSE_MS * attempt));
    }
  }
}

/** A partition that messages were for and no broker acknowledged, or null. */
export function unanswered(
  sent: readonly TopicMessages[],
  answers: readonly { readonly topicName: string; readonly partition: number }[],
): string | null {
  const answered = new Set(answers.map(({ topicName, partition }) => `${topicName}/${partition}`));
  for (const { topic, messages } of sent) {
    const missing = messages.find(({ partition }) => !answered.has(`${topic}/${partition}`));
    if (missing !== undefined) return `${topic}/${missing.partition}`;
  }
  return null;
}

async function guarded<T>(config: KafkaLogConfig, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    throw kafkaError(config, error);
  }
}

/** What Node and OpenSSL say of certificates and of a peer that speaks something else. */
const tlsTrouble = /certificate|altnames|self.signed|wrong version number|SSL routines|EPROTO/i;

/** Says what is wrong in words an operator can act on. */
export function kafkaError(config: KafkaLogConfig, error: unknown): CodedError {
  if (error instanceof CodedError) return error;
  const cause = rootCause(error);
  const text = messageOf(cause);
  const { type = '' } = cause as { type?: string };
  if (cause.name === 'KafkaJSSASLAuthenticationError') {
    return new CodedError('kafka_denied', `Kafka refused the login: ${text}`, 'Check user name and password.', error);
  }
  if (type.endsWith('AUTHORIZATION_FAILED')) {
    return new CodedError(
      'kafka_denied',
      `Kafka does not allow this user what we need: ${text}`,
      'Grant it the topics and groups that docs/operating/recovery.md lists.',
      error,
    );
  }
  if (type === 'UNKNOWN_TOPIC_OR_PARTITION') {
    return new CodedError('kafka_topic_missing', `Kafka does not know the topic: ${text}`, 'Create the topics.', error);
  }
  if (config.ssl !== undefined && tlsTrouble.test(text)) {
    return new CodedError(
      'kafka_tls_failed',
      `No TLS connection to Kafka at ${config.brokers.join(', ')}: ${text}`,
      'Check that the port speaks TLS, that kafkaTlsCa names who signed its certificate, and that the certificate is for this host name.',
      error,
    );
  }
  return new CodedError(
    'kafka_unreachable',
    `Kafka at ${config.brokers.join(', ')} did not answer: ${text}`,
    'Check that it runs, that address and port are right, that TLS is on where the port wants it and off where not, and that the network lets us through.',
    error,
  );
}

function rootCause(error: unknown): Error {
  let cause = error as Error;
  for (let depth = 0; depth < 5 && cause.cause instanceof Error; depth++) cause = cause.cause;
  return cause;
}
