import { Registry } from 'prom-client';
import type { Context } from '../context.ts';
import { stopOnSignal } from '../lifecycle.ts';
import { openLog } from '../log.ts';
import { tellSupervisor } from '../messages.ts';
import { registerProcessMetrics } from '../metrics/register.ts';
import { startOpsServer } from '../opsserver.ts';
import { openConfiguredStore } from '../store.ts';
import { version } from '../version.ts';
import { startIngestPart } from './parts.ts';

/** Ingest alone: as many processes as there are partitions may share the work. */
export async function runIngest(context: Context): Promise<void> {
  const { config, logger } = context;
  const metrics = new Registry();
  registerProcessMetrics(metrics, { version, role: 'ingest' });
  const log = await openLog(context);
  const store = await openConfiguredStore(context);
  const ingest = await startIngestPart({ context, log, store, metrics });
  const ops = await startOpsServer({ host: config.host, port: config.apiPort }, { metrics, ready: () => true });
  stopOnSignal([{ stop: () => log.close() }, { stop: () => store.close() }, ingest, ops], logger);
  tellSupervisor({ kind: 'ready', urls: { ops: `http://${config.host}:${ops.port}` }, notes: [] });
}
