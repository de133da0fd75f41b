import type { Logger } from 'pino';
import type { Clock } from '../../core/clock.ts';
import { codeOf, messageOf } from '../../core/errors.ts';
import type { Store } from '../../reporting/store/store.ts';
import type { Config } from '../config/table.ts';
import type { Stoppable } from '../lifecycle.ts';

const EVERY_MS = 3_600_000;

/** Takes away what the configuration says is too old, now and every hour. A failure is logged and tried again. */
export function keepRetention(
  { personalRetentionMs, statsRetentionMs }: Pick<Config, 'personalRetentionMs' | 'statsRetentionMs'>,
  { store, clock, logger }: { readonly store: Pick<Store, 'retain'>; readonly clock: Clock; readonly logger: Logger },
): Stoppable {
  const before = (ms: number): number | null => (ms === 0 ? null : clock.nowMs() - ms);
  let running: Promise<void> | null = null;

  async function retain(): Promise<void> {
    try {
      const expired = await store.retain({
        personalMs: before(personalRetentionMs),
        statsMs: before(statsRetentionMs),
      });
      if (expired.events + expired.days > 0) logger.info(expired, 'what was too old is gone from the store');
    } catch (error) {
      logger.error({ code: codeOf(error), error: messageOf(error) }, 'retention could not be kept; trying again');
    }
  }
  const run = (): void => {
    running ??= retain().finally(() => {
      running = null;
    });
  };
  run();
  const timer = setInterval(run, EVERY_MS);
  return {
    async stop() {
      clearInterval(timer);
      await running;
    },
  };
}
