import { Registry } from 'prom-client';
import { codeOf, messageOf } from '../../core/errors.ts';
import type { Pacer } from '../../pacing/pacer.ts';
import type { Context } from '../context.ts';
import { dieOf, stopOnSignal } from '../lifecycle.ts';
import { openLog } from '../log.ts';
import { tellSupervisor } from '../messages.ts';
import { registerPacingMetrics, registerProcessMetrics } from '../metrics/register.ts';
import { startOpsServer } from '../opsserver.ts';
import { openConfiguredStore } from '../store.ts';
import { version } from '../version.ts';
import { type Ground, startPacerPart } from './parts.ts';

/**
 * A pacer, or its stand-by: the one that is given the only partition of the `pacing` topic in the group `pacer` is
 * active. When it goes, the log gives the partition to another, which takes over from the messages on the topic.
 */
export async function runPacer(context: Context): Promise<void> {
  const { config, logger } = context;
  const metrics = new Registry();
  registerProcessMetrics(metrics, { version, role: 'pacer' });
  const log = await openLog(context);
  const store = await openConfiguredStore(context);
  const ground: Ground = { context, log, store, metrics };
  let active: Pacer | null = null;
  registerPacingMetrics(metrics, () => active?.status() ?? []);
  const seat = await log.consume({
    topic: 'pacing',
    group: 'pacer',
    maxBatchRecords: 1000,
    async start(partition, committed) {
      if (partition === 0 && active === null) {
        active = await startPacerPart(ground);
        logger.info('this pacer is active now');
      }
      return committed?.offset ?? 0;
    },
    onBatch: async () => {},
    onRevoked: () => {
      // A pacer that lost its seat must not go on beside its successor; a fresh process stands by again.
      logger.warn({ code: 'pacer.replaced' }, 'another pacer is active now');
      void active?.stop().finally(() => process.exit(0));
      if (active === null) process.exit(0);
    },
    onError: (error) => {
      logger.error({ code: codeOf(error), error: messageOf(error) }, 'the seat of the pacer was lost');
      dieOf('the pacer', logger)(error);
    },
  });
  const ops = await startOpsServer({ host: config.host, port: config.apiPort }, { metrics, ready: () => true });
  stopOnSignal(
    [
      { stop: () => log.close() },
      { stop: () => store.close() },
      { stop: async () => void (await active?.stop()) },
      seat,
      ops,
    ],
    logger,
  );
  tellSupervisor({ kind: 'ready', urls: { ops: `http://${config.host}:${ops.port}` }, notes: [] });
}
