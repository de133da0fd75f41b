import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Registry } from 'prom-client';
import { CodedError, messageOf } from '../core/errors.ts';
import type { EventLog } from '../core/eventlog.ts';
import { createEmbeddedLog, type EmbeddedLog } from '../reporting/log/embedded.ts';
import { createKafkaLog, type KafkaLog } from '../reporting/log/kafka.ts';
import { createSpooledLog } from '../reporting/log/spool.ts';
import type { Config } from './config/table.ts';
import type { Context } from './context.ts';

/** A group member on Kafka that is silent for so long is replaced: what bounds the take-over of a pacer. */
const KAFKA_SESSION_TIMEOUT_MS = 6_000;
/** Fill from which the embedded log takes no new bids, so that notices of bids already out still fit. */
const STOP_BIDDING_AT = 0.9;

/** The event log this process uses: Kafka when brokers are configured, else the embedded one in the data folder. */
export async function openLog(context: Context): Promise<KafkaLog | EmbeddedLog> {
  return context.config.kafkaBrokers.length > 0 ? openKafka(context.config) : openEmbedded(context);
}

/** A bidder's log: events are durable on its own disk before they are acknowledged, whatever is behind. */
export interface BidderLog {
  readonly log: EventLog;
  /** False when new bids could cost money whose notices might not be kept. */
  readonly mayBid: () => boolean;
}

/** The bidder's log: the embedded one itself, or a local spool before Kafka. */
export function openBidderLog(context: Context, registry: Registry): BidderLog {
  const { config, clock, logger } = context;
  if (config.kafkaBrokers.length === 0) {
    const log = openEmbedded(context);
    return { log, mayBid: () => log.fill() < STOP_BIDDING_AT };
  }
  const log = createSpooledLog(
    { dir: join(config.dataDir, 'spool'), maxBytes: config.logMaxBytes },
    { connect: () => openKafka(config), clock, logger, registry },
  );
  return { log, mayBid: () => log.canBid() };
}

function openEmbedded({ config, clock }: Context) {
  return createEmbeddedLog(
    {
      dir: join(config.dataDir, 'log'),
      partitions: config.logPartitions,
      retention: { maxAgeMs: config.logRetentionMs, maxBytes: Math.floor(config.logMaxBytes / config.logPartitions) },
    },
    { clock },
  );
}

function openKafka(config: Config): Promise<KafkaLog> {
  const { kafkaSaslMechanism: mechanism } = config;
  return createKafkaLog({
    brokers: config.kafkaBrokers,
    clientId: 'evenkeel',
    ...(config.kafkaTls ? { ssl: tlsOf(config) } : {}),
    ...(mechanism === 'plain' || mechanism === 'scram-sha-256' || mechanism === 'scram-sha-512'
      ? { sasl: { mechanism, username: config.kafkaSaslUsername, password: config.kafkaSaslPassword } }
      : {}),
    topicPrefix: config.kafkaTopicPrefix,
    createTopics: config.kafkaCreateTopics,
    partitions: config.logPartitions,
    replication: config.kafkaReplication,
    retentionMs: config.logRetentionMs,
    sessionTimeoutMs: KAFKA_SESSION_TIMEOUT_MS,
  });
}

function tlsOf({ kafkaTlsCa: ca, kafkaTlsCert: cert, kafkaTlsKey: key }: Config) {
  if (ca === '' && cert === '' && key === '') return true;
  return {
    ...(ca === '' ? {} : { ca: [pem(ca)] }),
    ...(cert === '' ? {} : { cert: pem(cert) }),
    ...(key === '' ? {} : { key: pem(key) }),
  };
}

function pem(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new CodedError(
      'config.invalid',
      `${path} cannot be read: ${messageOf(error)}.`,
      'Name a PEM file that is there.',
    );
  }
}

/** Where uploaded audiences are: written by the API, read by every bid thread of this machine. */
export function audiencesPath(config: Config): string {
  return join(config.dataDir, 'audiences');
}

/** With Kafka the API may be elsewhere: audiences come over the log, into a folder of the bidder's own. */
export function bidderAudiences(config: Config): { audiencesPath: string; audiencesFrom: 'folder' | 'log' } {
  if (config.kafkaBrokers.length === 0) return { audiencesPath: audiencesPath(config), audiencesFrom: 'folder' };
  return { audiencesPath: join(config.dataDir, 'audiences-received'), audiencesFrom: 'log' };
}
