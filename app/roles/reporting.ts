import { Registry } from 'prom-client';
import type { EventLog } from '../../core/eventlog.ts';
import { seedDemo } from '../../reporting/api/seed.ts';
import type { Context } from '../context.ts';
import { closing, stopOnSignal } from '../lifecycle.ts';
import { openLog } from '../log.ts';
import { tellSupervisor } from '../messages.ts';
import { registerPacingMetrics, registerProcessMetrics } from '../metrics/register.ts';
import { reloadOnHangup } from '../reload.ts';
import { openConfiguredStore } from '../store.ts';
import { startTracing } from '../tracing/tracing.ts';
import { version } from '../version.ts';
import { type Ground, startApiPart, startDeadMan, startIngestPart, startPacerPart } from './parts.ts';

const STATUS_EVERY_MS = 1000;

/** Ingest, store, API, dashboard and pacer in one process: the only one that opens the embedded ClickHouse. */
export async function runReporting(context: Context): Promise<void> {
  const { logger, own } = context;
  const metrics = new Registry();
  registerProcessMetrics(metrics, { version, role: 'reporting' });
  const log = await openLog(context);
  if ('seed-demo' in own) await seedWhenEmpty(context, log);
  const store = await openConfiguredStore(context);
  const tracing = startTracing(context, 'reporting', metrics);
  const ground: Ground = { context, log, store, metrics, tracing };
  const ingest = await startIngestPart(ground);
  const deadMan = startDeadMan(ground);
  const pacer = await startPacerPart(ground, deadMan);
  registerPacingMetrics(metrics, () => pacer.status());
  const api = await startApiPart(
    ground,
    () => pacer.status(),
    () => ingest.lag(),
  );
  const reports = setInterval(() => {
    tellSupervisor({ kind: 'status', numbers: { logLag: ingest.lag() } });
  }, STATUS_EVERY_MS);
  const status = { stop: async () => clearInterval(reports) };
  reloadOnHangup(context, metrics);
  stopOnSignal({ tracing, log: closing(log), store: closing(store), ingest, deadMan, pacer, api, status }, logger);
  tellSupervisor({ kind: 'ready', urls: { api: api.url }, notes: [] });
}

/** A first start without campaigns gets the demo advertiser. */
async function seedWhenEmpty({ clock }: Context, log: EventLog): Promise<void> {
  const bounds = await log.bounds('campaigns');
  if (bounds.every((partition) => partition.end === 0)) await seedDemo(log, clock.nowMs());
}
