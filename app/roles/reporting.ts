import { join } from 'node:path';
import { Registry } from 'prom-client';
import { systemRandom } from '../../core/random.ts';
import { type PacerConfig, startPacer } from '../../pacing/pacer.ts';
import { pacerDefaults } from '../../pacing/pacerstate.ts';
import { seedDemo } from '../../reporting/api/seed.ts';
import { startApi } from '../../reporting/api/server.ts';
import { startIngest } from '../../reporting/ingest/ingest.ts';
import type { Config } from '../config/table.ts';
import type { Context } from '../context.ts';
import { dieOf, stopOnSignal } from '../lifecycle.ts';
import { openLog } from '../log.ts';
import { tellSupervisor } from '../messages.ts';
import { registerPacingMetrics, registerProcessMetrics } from '../metrics/register.ts';
import { loadSecrets } from '../secrets.ts';
import { openConfiguredStore } from '../store.ts';
import { projectRoot, version } from '../version.ts';

const STATUS_EVERY_MS = 1000;

/** Ingest, store, API, dashboard and pacer in one process: the only one that opens the embedded ClickHouse. */
export async function runReporting(context: Context): Promise<void> {
  const { config, clock, logger, own } = context;
  const secrets = loadSecrets(config);
  const metrics = new Registry();
  registerProcessMetrics(metrics, { version, role: 'reporting' });
  const random = systemRandom();
  const log = openLog(context);
  if ('seed-demo' in own) await seedWhenEmpty(context, log);
  const store = await openConfiguredStore(context);
  const ingest = await startIngest(
    {
      tokenKeys: secrets.tokenKeys,
      tokenLifetimeMs: config.tokenLifetimeMs,
      horizonMs: config.dedupeHorizonMs,
      flushMs: config.ingestFlushMs,
      maxBlockRows: config.ingestBatchRecords,
    },
    {
      log,
      store,
      clock,
      registry: metrics,
      logger,
      // The supervisor starts this process again; it resumes from what is in the store.
      onFatal: dieOf('ingest', logger),
    },
  );
  const pacer = await startPacer(pacerConfig(config), { log, spend: store, clock, logger, metrics });
  registerPacingMetrics(metrics, () => pacer.status());
  const api = await startApi(
    {
      host: config.host,
      port: config.apiPort,
      dataDir: join(config.dataDir, 'api'),
      staticDir: join(projectRoot, 'dist', 'dashboard'),
      bootstrapOperatorKey: secrets.operatorKey,
      version,
    },
    {
      log,
      reports: store,
      pacing: { statuses: () => pacer.status() },
      status: { ingest: async () => ({ lag: ingest.lag() }) },
      clock,
      random,
      logger,
      metrics,
    },
  );
  const reports = setInterval(() => {
    tellSupervisor({ kind: 'status', numbers: { logLag: ingest.lag() } });
  }, STATUS_EVERY_MS);
  stopOnSignal(
    [
      { stop: () => log.close() },
      { stop: () => store.close() },
      ingest,
      pacer,
      { stop: () => api.close() },
      { stop: async () => clearInterval(reports) },
    ],
    logger,
  );
  tellSupervisor({ kind: 'ready', urls: { api: api.url }, notes: [] });
}

/**
 * The pacer's times, in its clock's milliseconds. What waits for processes and disks takes as long in a rehearsal as
 * in life, so it is stretched with the clock.
 */
function pacerConfig(config: Config): PacerConfig {
  const stretch = (ms: number): number => Math.round(ms * config.timeScale);
  return {
    clockSpeed: config.timeScale,
    roundMs: stretch(config.pacingRoundMs),
    leaseMs: config.leaseMs,
    resolveAfterMs: config.tokenLifetimeMs,
    ...(config.timeScale === 1
      ? {}
      : {
          cohortMs: Math.max(1, Math.round(stretch(1_000) / 60_000)) * 60_000,
          skewMs: stretch(pacerDefaults.skewMs),
          nodeTimeoutMs: stretch(pacerDefaults.nodeTimeoutMs),
          settleMs: stretch(4_000),
          storeLagMs: stretch(4_000),
          spendEveryMs: stretch(1_000),
          totalsEveryMs: stretch(5_000),
        }),
  };
}

/** A first start without campaigns gets the demo advertiser. */
async function seedWhenEmpty({ clock }: Context, log: ReturnType<typeof openLog>): Promise<void> {
  const bounds = await log.bounds('campaigns');
  if (bounds.every((partition) => partition.end === 0)) await seedDemo(log, clock.nowMs());
}
