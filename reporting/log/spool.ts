import type { Logger } from 'pino';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Clock } from '../../core/clock.ts';
import { codeOf, messageOf } from '../../core/errors.ts';
import type { EventLog, LogBatch, LogConsumer } from '../../core/eventlog.ts';
import type { TopicName } from '../../core/topics.ts';
import { createEmbeddedLog } from './embedded.ts';

export interface SpoolConfig {
  /** Directory of the spool: this process's own. */
  readonly dir: string;
  /** Bytes of events kept while the log behind is away. Default 1 GiB. */
  readonly maxBytes?: number;
  /** Share of `maxBytes` from which no new bids are made; the rest is for notices of bids already out. Default 0.8. */
  readonly stopBiddingAt?: number;
  /** Records forwarded at once. Default 2,000. */
  readonly maxBatchRecords?: number;
  /** How long `close` tries to forward what is left, milliseconds. Default 5,000. What stays is forwarded at the next start. */
  readonly drainMs?: number;
}

export interface SpoolDeps {
  /** Connects to the log behind. Repeated until it succeeds. */
  readonly connect: () => Promise<EventLog>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly registry: Registry;
}

export interface SpooledLog extends EventLog {
  /** Bytes kept divided by bytes allowed. At 1 events are refused with `log_full`. */
  fill(): number;
  /** False when new bids could cost money whose notices might not be kept. */
  canBid(): boolean;
  /** Records not yet forwarded. */
  backlog(): Promise<number>;
}

/** Topics that a bidder writes on behalf of exchanges and users: they may not wait for a network. */
const spooled: readonly TopicName[] = ['events', 'bidstats'];
const MAX_BACKOFF_MS = 3000;

/**
 * A log that keeps events on the local disk first and forwards them in order when the log behind is there. What is
 * forwarded twice after a crash is recognised downstream by its event id. All other topics, and all reading, go to the
 * log behind.
 */
export function createSpooledLog(config: SpoolConfig, deps: SpoolDeps): SpooledLog {
  const { logger } = deps;
  const maxBytes = config.maxBytes ?? 1024 ** 3;
  const local = createEmbeddedLog(
    { dir: config.dir, partitions: 1, retention: { maxAgeMs: 0, maxBytes } },
    { clock: deps.clock },
  );
  const metrics = createSpoolMetrics(deps.registry, () => local.fill());
  let closed = false;
  let closing = false;
  let target: Promise<EventLog> | null = null;
  const behind = (): Promise<EventLog> => {
    target ??= connectForever();
    return target;
  };

  async function connectForever(): Promise<EventLog> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await deps.connect();
      } catch (error) {
        logger.warn(
          { code: codeOf(error), error: messageOf(error) },
          'the event log is not there, events wait on disk',
        );
        if (closing) throw error;
        await pause(backoffMs(attempt));
      }
    }
  }

  async function forward(batch: LogBatch): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await (await behind()).append(batch.topic, batch.records);
        metrics.forwarded.inc({ topic: batch.topic }, batch.records.length);
        return;
      } catch (error) {
        metrics.failures.inc({ code: codeOf(error) });
        logger.warn({ attempt, code: codeOf(error), error: messageOf(error) }, 'events not forwarded, trying again');
        if (closing) throw error;
        await pause(backoffMs(attempt));
      }
    }
  }

  const forwarders = spooled.map((topic) => startForwarder(topic));
  function startForwarder(topic: TopicName): Promise<LogConsumer> {
    const started: Promise<LogConsumer> = local.consume({
      topic,
      group: 'forwarder',
      maxBatchRecords: config.maxBatchRecords ?? 2000,
      async onBatch(batch) {
        await forward(batch);
        const position = { offset: batch.records.at(-1)!.offset + 1, metadata: '' };
        await (await started).commit(batch.partition, position);
      },
      onError: (error) => {
        if (!closing) logger.error({ topic, code: codeOf(error), error: messageOf(error) }, 'forwarding stopped');
      },
    });
    return started;
  }

  async function backlog(): Promise<number> {
    const left = await Promise.all(spooled.map((topic) => unread(local, topic)));
    return left.reduce((sum, count) => sum + count, 0);
  }

  return {
    fill: () => local.fill(),
    canBid: () => !closing && local.fill() < (config.stopBiddingAt ?? 0.8),
    backlog,
    async append(topic, records) {
      if (!spooled.includes(topic)) return (await behind()).append(topic, records);
      // The forwarder's group must be known before anything is kept: only then is it kept until it was forwarded.
      await Promise.all(forwarders);
      await local.append(topic, records);
    },
    consume: async (options) => (await behind()).consume(options),
    bounds: async (topic) => (await behind()).bounds(topic),
    async close() {
      if (closed) return;
      closed = true;
      const deadlineMs = deps.clock.monotonicMs() + (config.drainMs ?? 5000);
      while ((await backlog()) > 0 && deps.clock.monotonicMs() < deadlineMs) await pause(20);
      closing = true;
      await Promise.all(forwarders.map(async (forwarder) => (await forwarder).stop()));
      await local.close();
      await target?.then(
        (log) => log.close(),
        () => {},
      );
    },
  };
}

/** Records kept: what was forwarded is dropped at once, because its retention is zero. */
async function unread(local: EventLog, topic: TopicName): Promise<number> {
  return (await local.bounds(topic)).reduce((sum, { first, end }) => sum + end - first, 0);
}

function createSpoolMetrics(registry: Registry, fill: () => number) {
  const registers = [registry];
  new Gauge({
    name: 'evenkeel_spool_fill_ratio',
    help: 'Bytes waiting on disk for the event log, divided by the bytes allowed. At 1 events are refused.',
    registers,
    collect() {
      this.set(fill());
    },
  });
  return {
    forwarded: new Counter({
      name: 'evenkeel_spool_forwarded_records_total',
      help: 'Records handed over to the event log.',
      labelNames: ['topic'],
      registers,
    }),
    failures: new Counter({
      name: 'evenkeel_spool_forward_failures_total',
      help: 'Attempts to hand records over that failed; they are repeated.',
      labelNames: ['code'],
      registers,
    }),
  };
}

function backoffMs(attempt: number): number {
  return Math.min(MAX_BACKOFF_MS, 50 * 2 ** Math.min(attempt, 10));
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
