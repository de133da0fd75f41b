import type { Logger } from 'pino';
import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import type { EventLog } from '../core/eventlog.ts';
import { forecastMemorySchema } from '../core/forecastmemory.ts';
import type { PacingStatus } from '../core/pacingstatus.ts';
import type { SpendSource } from '../core/spend.ts';
import { bidStatsSchema, campaignChangeSchema, type PacingMessage, pacingMessageSchema } from '../core/topics.ts';
import type { Tracer } from '../core/trace.ts';
import { followFromStart } from './catchup.ts';
import { MEMORIES_A_ROUND, type MemoryRecord } from './memory.ts';
import { createPacerCore, type PacerCore } from './pacercore.ts';
import type { PacerMetrics } from './pacermetrics.ts';
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
  const cohortMs = Math.min(900_000, Math.max(60_000, Math.ceil((speed * 1000) / 10_000) * 10_000));
  return {
    clockSpeed: speed,
    roundMs: 250 * speed,
    cohortMs,
    leaseMs: 5000 * speed,
    skewMs: 1000 * speed,
    nodeTimeoutMs: 10_000 * speed,
    storeLagMs: 5000 * speed,
    settleMs: Math.max(60_000, 3000 * speed),
    maxSettleMs: Math.max(1_800_000, 20_000 * speed),
    spendEveryMs: 1000 * speed,
    totalsEveryMs: 3000 * speed,
  };
}

export interface PacerDeps {
  readonly log: EventLog;
  readonly spend: SpendSource;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: PacerMetrics;
  /** Traces rounds that are drawn; null or left out: none. */
  readonly tracer?: Tracer | null;
  /** False while no credit may be renewed: rounds are left out and bidding stops with the leases. Default: always. */
  readonly mayLease?: () => boolean;
  /** Another pacer has taken over: this one has stopped deciding and is to be stopped. */
  readonly onReplaced?: () => void;
}

export interface Pacer {
  /** How every level of the budget tree stands now. The same is published with each message, for other processes. */
  status(): readonly PacingStatus[];
  /** Ends the round in hand and stops. Bidders finish the leases they hold. */
  stop(): Promise<void>;
}

/** A pacer that reads along and decides nothing, so that it can take over at once. */
export interface StandbyPacer {
  /**
   * Starts from the last messages of whoever was active before, so that nothing is handed out twice.
   * @throws CodedError `pacer_catch_up` when the log can not be read to its end in 30 s
   */
  activate(): Promise<Pacer>;
  /** Stops reading along; not after `activate`. */
  stop(): Promise<void>;
}

/** Cohorts kept open for late feedback. */
const COHORTS_READ = 40;
const MAX_BATCH = 2000;
const TOTALS_BUCKET_MS = 900_000;
const LIFETIME_BUCKET_MS = 86_400_000;
const MAX_DAY_MS = 26 * 3_600_000;
/** What was learned of levels that are gone is deleted after this. */
const FORGET_FORECAST_MS = 30 * 86_400_000;
const KEPT_AT_ONCE = 500;
const MAX_KEPT_AT_END = 50_000;

/**
 * Runs the pacer: follows campaigns and bidders, reads spend, and publishes leases, multipliers and pass probabilities.
 * @throws CodedError `pacer_catch_up` when the log can not be read to its end in 30 s
 */
export async function startPacer(config: PacerConfig, deps: PacerDeps): Promise<Pacer> {
  return (await standByPacer(config, deps)).activate();
}

/** Follows campaigns, bidders and the active pacer, ready to take over. */
export async function standByPacer(config: PacerConfig, deps: PacerDeps): Promise<StandbyPacer> {
  const { log, logger, metrics } = deps;
  const core = createPacerCore({ ...pacerDefaults, ...config });
  let loop: Loop | null = null;
  let fenced = false;
  /** What the active pacer said last, by owner: as much as a compacted topic keeps. */
  let last: Map<string, PacingMessage> | null = new Map();
  /** What the active pacer has learned of traffic, by level. */
  const remembered = new Map<string, Buffer>();

  const onError = (error: unknown): void => {
    metrics.errors.inc({ what: 'log' });
    logger.error({ error: messageOf(error) }, 'pacer: a log consumer stopped');
  };
  function refuse(what: string, error: unknown): void {
    metrics.errors.inc({ what });
    logger.warn({ error: messageOf(error), what }, 'pacer: a record could not be read');
  }

  /** Our own messages come back on the topic; one of a later epoch means another pacer has taken over. */
  function takePacing(key: string, value: Buffer | null): void {
    if (value === null) {
      last?.delete(key);
      return;
    }
    const parsed = pacingMessageSchema.safeParse(parse(value));
    if (!parsed.success) refuse('pacing', parsed.error);
    else if (last !== null) last.set(key, parsed.data);
    else if (parsed.data.epoch < core.epoch) core.restore(parsed.data);
    else if (parsed.data.epoch === core.epoch) {
      if (core.acknowledge(parsed.data.owner, parsed.data.epoch)) loop?.hurry();
    } else if (!fenced) {
      fenced = true;
      const epochs = { epoch: parsed.data.epoch, own: core.epoch };
      logger.warn({ code: 'pacer.replaced', ...epochs }, 'pacer: another pacer has taken over; this one stops');
      loop?.end();
      deps.onReplaced?.();
    }
  }

  function takeForecast(key: string, value: Buffer | null): void {
    if (value === null) remembered.delete(key);
    else if (last !== null) remembered.set(key, value);
  }

  /** Without it traffic is learned again, so that it holds up nothing. */
  async function recallForecasts(): Promise<void> {
    try {
      await forecasts.caughtUp();
    } catch (error) {
      refuse('forecasts', error);
    }
    const longAgoMs = deps.clock.nowMs() - FORGET_FORECAST_MS;
    const gone: MemoryRecord[] = [];
    for (const [key, value] of remembered) {
      const parsed = forecastMemorySchema.safeParse(parse(value));
      if (!parsed.success) {
        refuse('forecasts', parsed.error);
        // Once: what nobody can read is deleted.
        gone.push({ key, memory: null });
      } else if (!core.recall(parsed.data) && parsed.data.atMs < longAgoMs) gone.push({ key, memory: null });
    }
    remembered.clear();
    await keepForecasts(log, gone);
  }

  // Together, because joining a group of its own takes each consumer seconds on Kafka.
  const [campaigns, pacing, forecasts, bidstats] = await Promise.all([
    followFromStart(log, 'campaigns', onError, (key, value) => {
      takeChange(core, key, value, (error) => refuse('campaigns', error));
      loop?.hurry();
    }),
    followFromStart(log, 'pacing', onError, takePacing),
    followFromStart(log, 'forecasts', onError, takeForecast),
    log.consume({
      topic: 'bidstats',
      group: null,
      maxBatchRecords: MAX_BATCH,
      // What comes from now on is enough to know the bidders; cells are cumulative.
      start: async (partition) => (await log.bounds('bidstats')).find((one) => one.partition === partition)?.end ?? 0,
      onBatch: async (batch) => {
        for (const { value } of batch.records) {
          if (value === null || last !== null) continue;
          const parsed = bidStatsSchema.safeParse(parse(value));
          if (parsed.success) core.stats(parsed.data);
          else refuse('bidstats', parsed.error);
        }
      },
      onError,
    }),
  ]);
  const stopReading = async (): Promise<void> => {
    await Promise.all([campaigns, pacing, forecasts, bidstats].map((reader) => reader.stop()));
  };

  /** What was learned since it was kept last, so that a restart forgets nothing. */
  async function keepAll(): Promise<void> {
    try {
      const nowMs = deps.clock.nowMs();
      for (let now = true, left = MAX_KEPT_AT_END; left > 0; now = false, left -= KEPT_AT_ONCE) {
        const records = core.memories(nowMs, KEPT_AT_ONCE, now);
        if (records.length === 0) break;
        await keepForecasts(log, records);
      }
    } catch (error) {
      refuse('forecasts', error);
    }
  }

  return {
    async activate() {
      // The past first: entities, then what an earlier pacer has handed out. Only then may anything be issued.
      await Promise.all([campaigns.caughtUp(), pacing.caughtUp()]);
      await recallForecasts();
      for (const message of last?.values() ?? []) core.restore(message);
      // A pacer that was active for a moment and whose messages are still under way must not have the same epoch.
      core.begin(Math.floor(deps.clock.nowMs()));
      last = null;
      const running = startLoop(config, deps, core);
      loop = running;
      return {
        status: () => core.status(deps.clock.nowMs()),
        async stop() {
          await running.end();
          if (!fenced) await keepAll();
          await stopReading();
          metrics.epoch.set(0);
        },
      };
    },
    stop: stopReading,
  };
}

interface Loop {
  /** Decides at once instead of waiting for the next round. */
  hurry(): void;
  /** Ends the round in hand, then no more. */
  end(): Promise<void>;
}

/** Rounds, one after the other, and the store read beside them. */
function startLoop(config: PacerConfig, deps: PacerDeps, core: PacerCore): Loop {
  const { log, clock, logger, spend, metrics } = deps;
  const options: PacerCoreOptions = { ...pacerDefaults, ...config };
  const speed = config.clockSpeed ?? 1;
  let stopped = false;
  let wake: (() => void) | null = null;
  let urgent = false;

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
    const span = deps.tracer?.start('pacer.round', 'internal') ?? null;
    try {
      // Not inside the call: with no span its arguments are not evaluated.
      const messages = await decide();
      span?.set('evenkeel.messages', messages);
      span?.end();
    } catch (error) {
      span?.end(true);
      throw error;
    }
  }

  /** @returns messages that were published */
  async function decide(): Promise<number> {
    const nowMs = clock.nowMs();
    void readSpend(nowMs);
    const started = clock.monotonicMs();
    const messages = core.round(nowMs);
    metrics.round.observe((clock.monotonicMs() - started) / speed / 1000);
    metrics.messages.inc(messages.length);
    for (let at = 0; at < messages.length; at += 500) await publish(log, messages.slice(at, at + 500));
    await keepForecasts(log, core.memories(nowMs, MEMORIES_A_ROUND));
    return messages.length;
  }

  async function loop(): Promise<void> {
    while (!stopped) {
      urgent = false;
      try {
        if (deps.mayLease?.() !== false) await round();
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
    hurry() {
      urgent = true;
      wake?.();
    },
    async end() {
      stopped = true;
      wake?.();
      await ending;
    },
  };
}

function publish(log: EventLog, messages: readonly PacingMessage[]): Promise<void> {
  return log.append(
    'pacing',
    messages.map((message) => ({ key: message.owner, value: Buffer.from(JSON.stringify(message)) })),
  );
}

async function keepForecasts(log: EventLog, records: readonly MemoryRecord[]): Promise<void> {
  if (records.length === 0) return;
  await log.append(
    'forecasts',
    records.map(({ key, memory }) => ({ key, value: memory === null ? null : Buffer.from(JSON.stringify(memory)) })),
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
