import type { Logger } from 'pino';
import { codeOf, messageOf } from '../../core/errors.ts';
import type { Store } from '../../reporting/store/store.ts';
import type { Stoppable } from '../lifecycle.ts';

const EVERY_MS = 60_000;

/**
 * Sums up days of the log that are over, one a minute at most, so that ingest and reports wait for no more than a
 * statement of it. What fails is tried again; reports read the rows meanwhile.
 */
export function keepRollups(store: Pick<Store, 'rollUp'>, logger: Logger): Stoppable {
  let running: Promise<void> | null = null;
  const round = async (): Promise<void> => {
    try {
      const made = await store.rollUp();
      if (made !== null) logger.info({ made }, 'summed up for reports');
    } catch (error) {
      logger.warn({ code: codeOf(error), error: messageOf(error) }, 'could not sum up a day; reports read its rows');
    }
  };
  const timer = setInterval(() => {
    running ??= round().finally(() => {
      running = null;
    });
  }, EVERY_MS);
  return {
    async stop() {
      clearInterval(timer);
      await running;
    },
  };
}
