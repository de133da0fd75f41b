import { join } from 'node:path';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { AudienceStore } from '../../core/audience.ts';
import { codeOf, messageOf } from '../../core/errors.ts';
import type { EventLog } from '../../core/eventlog.ts';
import type { PacingStatus } from '../../core/pacingstatus.ts';
import { systemRandom } from '../../core/random.ts';
import { createAudienceStore } from '../../engine/users/audiences.ts';
import { sendAudiences } from '../../engine/users/audiencetravel.ts';
import {
  compressedPacer,
  type Pacer,
  type PacerConfig,
  type StandbyPacer,
  standByPacer,
  startPacer,
} from '../../pacing/pacer.ts';
import { createPacerMetrics, type PacerMetrics } from '../../pacing/pacermetrics.ts';
import { startApi } from '../../reporting/api/server.ts';
import { type Ingest, type IngestConfig, startIngest } from '../../reporting/ingest/ingest.ts';
import { followWindows } from '../../reporting/ingest/windows.ts';
import type { Store } from '../../reporting/store/store.ts';
import type { Config } from '../config/table.ts';
import type { Context } from '../context.ts';
import { dieOf, type Stoppable } from '../lifecycle.ts';
import { audiencesPath } from '../log.ts';
import { registerReportingAge } from '../metrics/register.ts';
import { keepRetention } from '../ops/retention.ts';
import { askForReload } from '../reload.ts';
import { loadSecrets } from '../secrets.ts';
import { withTracedInserts } from '../tracing/store.ts';
import type { Tracing } from '../tracing/tracing.ts';
import { configuredScorer } from '../traffic.ts';
import { projectRoot, version } from '../version.ts';
import { type DeadMan, watchReporting } from './deadman.ts';
import { keepRollups } from './rollups.ts';

/** Short, so that a new campaign is priced within half a minute. */
const LIVE_COHORT_MS = 20_000;

/** What a process of the reporting side stands on. */
export interface Ground {
  readonly context: Context;
  readonly log: EventLog;
  readonly store: Store;
  readonly metrics: Registry;
  readonly tracing: Tracing;
}

/** How events are decided: the same for ingest and for a replay of the log. */
export function ingestConfig(context: Context): IngestConfig {
  const { config } = context;
  return {
    tokenKeys: loadSecrets(config).tokenKeys,
    tokenLifetimeMs: config.tokenLifetimeMs,
    horizonMs: config.dedupeHorizonMs,
    flushMs: config.ingestFlushMs,
    maxBlockRows: config.ingestBatchRecords,
    // Over Kafka several processes share the partitions.
    sharedPartitions: config.kafkaBrokers.length > 0,
  };
}

/** Starts ingest. When it can not go on the process ends; the next one resumes from what is in the store. */
export async function startIngestPart({ context, log, store, metrics, tracing }: Ground): Promise<Ingest> {
  const { clock, logger } = context;
  const onFatal = dieOf('ingest', logger);
  const windows = await followWindows(log, onFatal);
  const ingest = await startIngest(
    { ...ingestConfig(context), windowsOf: windows.windowsOf },
    {
      log,
      store: withTracedInserts(store, tracing.tracer),
      clock,
      registry: metrics,
      logger,
      scorer: configuredScorer(context.config, context),
      onFatal,
    },
  );
  const rollups = keepRollups(store, logger);
  const retention = keepRetention(context.config, { store, clock, logger });
  return {
    lag: ingest.lag,
    async stop() {
      await ingest.stop();
      await retention.stop();
      await windows.stop();
      await rollups.stop();
    },
  };
}

/** Watches whether reports come: without them the pacer renews no credit. */
export function startDeadMan({ context, store, metrics }: Omit<Ground, 'log' | 'tracing'>): DeadMan {
  const { config, clock, logger } = context;
  const newestMs = () => store.newestMs('bid_stats', 0);
  const deadMan = watchReporting(config.reportingTimeoutMs * config.timeScale, { newestMs, clock, logger });
  registerReportingAge(metrics, deadMan.ageMs);
  return deadMan;
}

/** Starts the only pacer there is. */
export function startPacerPart({ context, log, store, metrics, tracing }: Ground, deadMan: DeadMan): Promise<Pacer> {
  const { config, clock, logger } = context;
  const counts = createPacerMetrics(metrics);
  return startPacer(pacerConfig(config), {
    log,
    spend: store,
    clock,
    logger,
    metrics: counts,
    tracer: tracing.tracer,
    mayLease: deadMan.mayLease,
  });
}

/** One of several: it reads along until it is activated. */
export function standByPacerPart(
  { context, log, store, metrics, tracing }: Omit<Ground, 'metrics'> & { readonly metrics: PacerMetrics },
  deadMan: DeadMan,
  onReplaced: () => void,
): Promise<StandbyPacer> {
  const { config, clock, logger } = context;
  return standByPacer(pacerConfig(config), {
    log,
    spend: store,
    clock,
    logger,
    metrics,
    tracer: tracing.tracer,
    mayLease: deadMan.mayLease,
    onReplaced,
  });
}

/**
 * The pacer's times, in its clock's milliseconds. What waits for processes and disks takes as long in a rehearsal as
 * in life, so it is stretched with the clock.
 */
function pacerConfig(config: Config): PacerConfig {
  const { timeScale, tokenLifetimeMs } = config;
  const paced: PacerConfig =
    timeScale === 1
      ? { cohortMs: LIVE_COHORT_MS, roundMs: config.pacingRoundMs, leaseMs: config.leaseMs }
      : compressedPacer(timeScale);
  // In strict mode only proof frees what a silent bidder held.
  return { ...paced, resolveAfterMs: config.budgetMode === 'strict' ? Number.POSITIVE_INFINITY : tokenLifetimeMs };
}

/** Empties the audiences that nobody is found in any more, now and every hour. */
function expireAudiences(audiences: AudienceStore, logger: Logger): NodeJS.Timeout {
  const expire = (): void => {
    audiences.expire().then(
      (count) => {
        if (count > 0) logger.warn({ code: 'audience.expired', count }, 'audiences of an old salt were emptied');
      },
      (error) => logger.error({ code: codeOf(error), error: messageOf(error) }, 'old audiences could not be emptied'),
    );
  };
  expire();
  return setInterval(expire, HOUR_MS);
}
const HOUR_MS = 3_600_000;

/** Records that wait to be ingested, seen from a process that does not ingest: the log's end less the store's position. */
async function lagOf(log: EventLog, store: Store): Promise<number> {
  const positions = await store.positions('events');
  return (await log.bounds('events')).reduce(
    (sum, { partition, first, end }) => sum + Math.max(0, end - Math.max(first, positions.get(partition) ?? first)),
    0,
  );
}

/** Starts API and dashboard, with the audiences of this machine. */
export async function startApiPart(
  { context, log, store, metrics, tracing }: Ground,
  statuses: () => readonly PacingStatus[],
  lag: (() => number) | null,
): Promise<Stoppable & { readonly url: string }> {
  const { config, clock, logger } = context;
  const secrets = loadSecrets(config);
  const audiences = createAudienceStore({
    path: audiencesPath(config),
    userSalt: secrets.userSalt,
    clock,
    ...(config.kafkaBrokers.length > 0 ? { travel: sendAudiences(log) } : {}),
  });
  const expiry = expireAudiences(audiences, logger);
  const api = await startApi(
    {
      host: config.host,
      port: config.apiPort,
      dataDir: join(config.dataDir, 'api'),
      staticDir: join(projectRoot, 'dist', 'dashboard'),
      bootstrapOperatorKey: secrets.operatorKey,
      publicUrl: config.publicUrl === '' ? null : config.publicUrl.replace(/\/$/, ''),
      version,
      limits: { maxAdFilesBytes: config.adFilesMaxBytes },
      currencies: ['USD', ...Object.keys(config.currencies)],
      alerts: {
        maxP99Ms: config.slaP99Ms,
        maxErrorPercent: config.slaErrorPercent,
        maxLag: config.slaLagRecords,
        pacingAfterMs: config.alertPacingMs,
        silentAfterMs: config.alertSilentMs,
        budgetPercent: config.alertBudgetPercent,
        invalidPercent: config.alertInvalidPercent,
      },
    },
    {
      log,
      reports: store,
      audiences,
      pacing: { statuses },
      status: {
        store: () => store.health(),
        ingest: async () => ({ lag: lag === null ? await lagOf(log, store) : lag() }),
      },
      clock,
      random: systemRandom(),
      logger,
      metrics,
      tracer: tracing.tracer,
      reload: askForReload,
    },
  );
  return {
    url: api.url,
    async stop() {
      clearInterval(expiry);
      await api.close();
      await audiences.close();
    },
  };
}
