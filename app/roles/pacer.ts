import { Registry } from 'prom-client';
import { createPacerMetrics } from '../../pacing/pacermetrics.ts';
import type { Context } from '../context.ts';
import { closing, dieOf, stopOnSignal } from '../lifecycle.ts';
import { openLog } from '../log.ts';
import { tellSupervisor } from '../messages.ts';
import { registerPacingMetrics, registerProcessMetrics } from '../metrics/register.ts';
import { startOpsServer } from '../opsserver.ts';
import { reloadOnHangup } from '../reload.ts';
import { openConfiguredStore } from '../store.ts';
import { startTracing } from '../tracing/tracing.ts';
import { version } from '../version.ts';
import { takePacerSeat } from './pacerseat.ts';
import { standByPacerPart, startDeadMan } from './parts.ts';

/** A pacer, or its stand-by. When the active one goes, the log gives its seat to another, which takes over at once. */
export async function runPacer(context: Context): Promise<void> {
  const { logger } = context;
  const metrics = new Registry();
  registerProcessMetrics(metrics, { version, role: 'pacer' });
  const ops = await startOpsServer(context.config, metrics);
  const tracing = startTracing(context, 'pacer', metrics);
  const log = await openLog(context);
  const store = await openConfiguredStore(context);
  const deadMan = startDeadMan({ context, store, metrics });
  const counts = createPacerMetrics(metrics);
  const seat = await takePacerSeat({
    log,
    logger,
    standBy: (onReplaced) => standByPacerPart({ context, log, store, metrics: counts, tracing }, deadMan, onReplaced),
    onFatal: dieOf('the pacer', logger),
  });
  registerPacingMetrics(metrics, () => seat.status());
  ops.setReady(true);
  reloadOnHangup(context, metrics);
  stopOnSignal({ ops, tracing, log: closing(log), store: closing(store), deadMan, seat, drain: ops.drain }, logger);
  tellSupervisor({ kind: 'ready', urls: { ops: ops.url }, notes: [] });
}
