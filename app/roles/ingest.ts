import { Registry } from 'prom-client';
import type { Context } from '../context.ts';
import { closing, stopOnSignal } from '../lifecycle.ts';
import { openLog } from '../log.ts';
import { tellSupervisor } from '../messages.ts';
import { registerProcessMetrics } from '../metrics/register.ts';
import { startOpsServer } from '../opsserver.ts';
import { reloadOnHangup } from '../reload.ts';
import { openConfiguredStore } from '../store.ts';
import { startTracing } from '../tracing/tracing.ts';
import { version } from '../version.ts';
import { startIngestPart } from './parts.ts';

/** Ingest alone: as many processes as there are partitions may share the work. */
export async function runIngest(context: Context): Promise<void> {
  const { logger } = context;
  const metrics = new Registry();
  registerProcessMetrics(metrics, { version, role: 'ingest' });
  const ops = await startOpsServer(context.config, metrics);
  const tracing = startTracing(context, 'ingest', metrics);
  const log = await openLog(context);
  const store = await openConfiguredStore(context);
  const ingest = await startIngestPart({ context, log, store, metrics, tracing });
  ops.setReady(true);
  reloadOnHangup(context, metrics);
  stopOnSignal({ ops, tracing, log: closing(log), store: closing(store), ingest, drain: ops.drain }, logger);
  tellSupervisor({ kind: 'ready', urls: { ops: ops.url }, notes: [] });
}
