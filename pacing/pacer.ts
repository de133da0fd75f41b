import type { Logger } from 'pino';
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Clock } from '../core/clock.ts';
import { CodedError, messageOf } from '../core/errors.ts';
import type { EventLog, LogBatch, LogConsumer } from '../core/eventlog.ts';
import type { PacingStatus } from '../core/pacingstatus.ts';
import type { SpendSource } from '../core/spend.ts';
import { bidStatsSchema, campaignChangeSchema, type PacingMessage, pacingMessageSchema } from '../core/topics.ts';
import { createPacerCore, type PacerCore } from './pacercore.ts';
import { type PacerCoreOptions, pacerDefaults } from './pacerstate.ts';

/** All times in milliseconds of the clock given, so that a faster clock compresses a day; defaults in `pacerDefaults`. */
export interface PacerConfig extends Partial<PacerCoreOptions> {
  /** How often the store is asked for fresh cohorts, milliseconds of the clock; 5000 by default. */
  readonly spendEveryMs?: number;
  /** How often the store is asked for the totals of the day and of lifetimes; 60,000 by default. */
  readonly totalsEveryMs?: number;
  /** How many milliseconds of the clock pass in one real millisecond; 1 by default. */
  readonly clockSpeed?: number;
}

/**
 * The settings of a pacer whose clock runs `speed` times as fast, with four rounds in a real second: what is a matter
 * of machines (reports, skew, store) keeps its real time, what is a matter of the market keeps the clock's.
 */
export function compressedPacer(speed: number): PacerConfig {
  const cohortMs = Math.min(900_000, Math.max(60_000, Math.ceil((speed * 500) / 10_000) * 10_000));
  return {
    clockSpeed: speed,
    roundMs: 250 * speed,
    cohortMs,
    leaseMs: 5000 * speed,
    skewMs: 1000 * speed,
    nodeTimeoutMs: 10_000 * speed,
    storeLagMs: 5000 * speed,
    settleMs: Math.max(60_000, 3000 * speed),
    spendEveryMs: 1000 * speed,
    totalsEveryMs: 3000 * speed,
  };
}

export interface PacerDeps {
  readonly log: EventLog;
  readonly spend: SpendSource;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Registry;
}

export interface Pacer {
  /** How every level of the budget tree stands now. The same is published with each message, for other processes. */
  status(): readonly PacingStatus[];
  /** Ends the round in hand and stops. Bidders finish the leases they hold. */
  stop(): Promise<void>;
}

/** Cohorts kept open for late feedback. */
const COHORTS_READ = 40;
const MAX_BATCH = 2000;
const TOTALS_BUCKET_MS = 900_000;
const LIFETIME_BUCKET_MS = 86_400_000;
const MAX_DAY_MS = 26 * 3_600_000;
const CATCH_UP_TIMEOUT_MS = 30_000;

/**
 * Runs the pacer: follows campaigns and bidders, reads spend, and publishes leases, multipliers and pass probabilities.
 * Starts from its predecessor's last messages, so that nothing is handed out twice.
 * @throws CodedError `pacer_catch_up` when the log can not be read to its end in 30 s
 */
export async function startPacer(config: PacerConfig, deps: PacerDeps): Promise<Pacer> {
  const { log, clock, logger, spend } = deps;
  const options: PacerCoreOptions = { ...pacerDefaults, ...config };
  const speed = config.clockSpeed ?? 1;
  const core = createPacerCore(options);
  const metrics = createMetrics(deps.metrics);
  const consumers: LogConsumer[] = [];
  let stopped = false;
  let wake: (() => void) | null = null;
  let urgent = false;
  let fenced = false;
  let running = false;

  const onError = (error: unknown): void => {
    metrics.errors.inc({ what: 'log' });
    logger.error({ error: messageOf(error) }, 'pacer: a log consumer stopped');
  };
  const hurry = (): void => {
    urgent = true;
    wake?.();
  };

  // The past first: entities, then what an earlier pacer has handed out. Only then may anything be issued.
  const ended = new Map<string, Promise<void>>();
  for (const topic of ['campaigns', 'pacing'] as const) {
    const follow = await followFromStart(log, topic, onError, (key, value) => {
      if (topic === 'campaigns') {
        takeChange(core, key, value, (error) => refuse('campaigns', error));
        hurry();
      } else takeOwn(value);
    });
    consumers.push(follow.consumer);
    ended.set(topic, follow.caughtUp);
  }
  await withTimeout(Promise.all(ended.values()), CATCH_UP_TIMEOUT_MS);

  function refuse(what: string, error: unknown): void {
    metrics.errors.inc({ what });
    logger.warn({ error: messageOf(error), what }, 'pacer: a record could not be read');
  }

  /** Our own messages come back on the topic; one of a later epoch means another pacer has taken over. */
  function takeOwn(value: Buffer | null): void {
    if (value === null) return;
    const parsed = pacingMessageSchema.safeParse(parse(value));
    if (!parsed.success) refuse('pacing', parsed.error);
    else if (!running || parsed.data.epoch < core.epoch) core.restore(parsed.data);
    else if (parsed.data.epoch === core.epoch) {
      if (core.acknowledge(parsed.data.owner, parsed.data.epoch)) hurry();
    } else if (!fenced) {
      fenced = true;
      logger.error(
        { epoch: parsed.data.epoch, own: core.epoch },
        'pacer: another pacer has taken over; this one stops',
      );
    }
  }

  consumers.push(
    await log.consume({
      topic: 'bidstats',
      group: null,
      maxBatchRecords: MAX_BATCH,
      start: async (partition) => {
        const bounds = await log.bounds('bidstats');
        // The last minutes are enough to know the bidders; cells are cumulative.
        return Math.max(bounds.find((one) => one.partition === partition)?.end ?? 0, 0);
      },
      onBatch: async (batch) => {
        for (const record of batch.records) {
          if (record.value === null) continue;
          const parsed = bidStatsSchema.safeParse(parse(record.value));
          if (parsed.success) core.stats(parsed.data);
          else refuse('bidstats', parsed.error);
        }
      },
      onError,
    }),
  );
  running = true;

  let spendMs = Number.NEGATIVE_INFINITY;
  let totalsMs = Number.NEGATIVE_INFINITY;
  let reading = false;
  let down = false;

  /** Reads the store beside the rounds: a slow store does not slow them. */
  async function readSpend(nowMs: number): Promise<void> {
    if (reading) return;
    const { cohortMs } = options;
    const fresh = nowMs - spendMs >= (config.spendEveryMs ?? 5000);
    const whole = nowMs - totalsMs >= (config.totalsEveryMs ?? 60_000);
    if (!fresh && !whole) return;
    reading = true;
    try {
      if (fresh) {
        const toMs = (Math.floor(nowMs / cohortMs) + 1) * cohortMs;
        const fromMs = toMs - COHORTS_READ * cohortMs;
        core.cohorts(await spend.spend(fromMs, toMs, cohortMs), fromMs, toMs, nowMs);
        spendMs = nowMs;
      }
      if (whole) {
        const toMs = (Math.floor(nowMs / TOTALS_BUCKET_MS) + 1) * TOTALS_BUCKET_MS;
        const fromMs = Math.floor((nowMs - MAX_DAY_MS) / TOTALS_BUCKET_MS) * TOTALS_BUCKET_MS;
        core.totals(await spend.spend(fromMs, toMs, TOTALS_BUCKET_MS), fromMs, nowMs);
        const dayEndMs = (Math.floor(nowMs / LIFETIME_BUCKET_MS) + 1) * LIFETIME_BUCKET_MS;
        core.totals(await spend.spend(0, dayEndMs, LIFETIME_BUCKET_MS), 0, nowMs);
        totalsMs = nowMs;
      }
      if (down) logger.info('pacer: the store answers again');
      down = false;
    } catch (error) {
      metrics.errors.inc({ what: 'store' });
      if (!down)
        logger.warn(
          { error: messageOf(error) },
          'pacer: the store does not answer; working from the bidders’ own reports',
        );
      down = true;
      core.storeIsDown();
    } finally {
      reading = false;
    }
  }

  async function round(): Promise<void> {
    const nowMs = clock.nowMs();
    void readSpend(nowMs);
    const started = clock.monotonicMs();
    const messages = core.round(nowMs);
    metrics.round.observe((clock.monotonicMs() - started) / speed / 1000);
    metrics.messages.inc(messages.length);
    for (let at = 0; at < messages.length; at += 500) await publish(log, messages.slice(at, at + 500));
  }

  async function loop(): Promise<void> {
    while (!stopped && !fenced) {
      urgent = false;
      try {
        await round();
      } catch (error) {
        metrics.errors.inc({ what: 'round' });
        logger.error({ error: messageOf(error) }, 'pacer: a round failed; trying again');
      }
      if (urgent) continue;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, options.roundMs / speed);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      wake = null;
    }
  }
  metrics.epoch.set(core.epoch);
  logger.info({ epoch: core.epoch }, 'pacer: started');
  const ending = loop();

  return {
    status: () => core.status(clock.nowMs()),
    async stop() {
      stopped = true;
      (wake as (() => void) | null)?.();
      await ending;
      await Promise.all(consumers.map((consumer) => consumer.stop()));
    },
  };
}

function publish(log: EventLog, messages: readonly PacingMessage[]): Promise<void> {
  return log.append(
    'pacing',
    messages.map((message) => ({ key: message.owner, value: Buffer.from(JSON.stringify(message)) })),
  );
}

function parse(value: Buffer): unknown {
  try {
    return JSON.parse(value.toString());
  } catch {
    return null;
  }
}

function takeChange(core: PacerCore, key: string, value: Buffer | null, refuse: (error: unknown) => void): void {
  if (value === null) {
    core.removed(key);
    return;
  }
  const parsed = campaignChangeSchema.safeParse(parse(value));
  if (parsed.success) core.change(parsed.data);
  else refuse(parsed.error);
}

/** Follows a topic from its first record; `caughtUp` resolves once everything that was there at the start has been read. */
async function followFromStart(
  log: EventLog,
  topic: 'campaigns' | 'pacing',
  onError: (error: unknown) => void,
  onRecord: (key: string, value: Buffer | null) => void,
): Promise<{ consumer: LogConsumer; caughtUp: Promise<void> }> {
  const waiting = new Map(
    (await log.bounds(topic)).filter((one) => one.end > one.first).map((one) => [one.partition, one.end]),
  );
  let done: () => void = () => undefined;
  const caughtUp = new Promise<void>((resolve) => {
    done = resolve;
  });
  if (waiting.size === 0) done();
  const onBatch = async (batch: LogBatch): Promise<void> => {
    for (const record of batch.records) onRecord(record.key, record.value);
    const end = waiting.get(batch.partition);
    const last = batch.records.at(-1)?.offset ?? -1;
    if (end === undefined || last + 1 < end) return;
    waiting.delete(batch.partition);
    if (waiting.size === 0) done();
  };
  const start = async (partition: number): Promise<number> =>
    (await log.bounds(topic)).find((one) => one.partition === partition)?.first ?? 0;
  const consumer = await log.consume({ topic, group: null, maxBatchRecords: MAX_BATCH, start, onBatch, onError });
  return { consumer, caughtUp };
}

async function withTimeout(work: Promise<unknown>, timeoutMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new CodedError(
            'pacer_catch_up',
            'The campaigns and pacing topics could not be read to their end in 30 s.',
            'Check that the event log is up, then start the pacer again.',
          ),
        ),
      timeoutMs,
    );
  });
  try {
    await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

interface PacerMetrics {
  readonly round: Histogram;
  readonly messages: Counter;
  readonly errors: Counter;
  readonly epoch: Gauge;
}

function createMetrics(registry: Registry): PacerMetrics {
  const registers = [registry];
  return {
    round: new Histogram({
      name: 'evenkeel_pacer_round_seconds',
      help: 'Time to decide one control round.',
      buckets: [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1],
      registers,
    }),
    messages: new Counter({
      name: 'evenkeel_pacer_messages_total',
      help: 'Messages published on the pacing topic.',
      registers,
    }),
    errors: new Counter({
      name: 'evenkeel_pacer_errors_total',
      help: 'What went wrong, by what: log, store, round, or the topic of an unreadable record.',
      labelNames: ['what'],
      registers,
    }),
    epoch: new Gauge({ name: 'evenkeel_pacer_epoch', help: 'Grows with every take-over.', registers }),
  };
}
