import { Registry } from 'prom-client';
import type { EventLog } from '../../core/eventlog.ts';
import type { PacingStatus } from '../../core/pacingstatus.ts';
import { pacingMessageSchema } from '../../core/topics.ts';
import type { Context } from '../context.ts';
import { closing, dieOf, stopOnSignal } from '../lifecycle.ts';
import { openLog } from '../log.ts';
import { tellSupervisor } from '../messages.ts';
import { registerProcessMetrics } from '../metrics/register.ts';
import { reloadOnHangup } from '../reload.ts';
import { openConfiguredStore } from '../store.ts';
import { startTracing } from '../tracing/tracing.ts';
import { version } from '../version.ts';
import { startApiPart } from './parts.ts';

/** API and dashboard alone; what the pacer thinks is read from its messages. */
export async function runApi(context: Context): Promise<void> {
  const { logger } = context;
  const metrics = new Registry();
  registerProcessMetrics(metrics, { version, role: 'api' });
  const tracing = startTracing(context, 'api', metrics);
  const log = await openLog(context);
  const store = await openConfiguredStore(context);
  const pacing = await followPacing(log, dieOf('following the pacer', logger));
  const api = await startApiPart({ context, log, store, metrics, tracing }, pacing.statuses, null);
  reloadOnHangup(context, metrics);
  stopOnSignal({ tracing, log: closing(log), store: closing(store), pacing, api }, logger);
  tellSupervisor({ kind: 'ready', urls: { api: api.url }, notes: [] });
}

/** The last status of every owner; as many as there are owners, which the pacer bounds. */
async function followPacing(log: EventLog, onError: (error: unknown) => void) {
  const latest = new Map<string, readonly PacingStatus[]>();
  const consumer = await log.consume({
    topic: 'pacing',
    group: null,
    maxBatchRecords: 1000,
    onError,
    async onBatch(batch) {
      for (const { key, value } of batch.records) {
        const message = value === null ? null : pacingMessageSchema.safeParse(JSON.parse(value.toString())).data;
        if (value === null) latest.delete(key);
        else if (message?.status !== undefined) latest.set(key, message.status);
      }
    },
  });
  return { statuses: () => [...latest.values()].flat(), stop: () => consumer.stop() };
}
