import type { Logger } from 'pino';
import { codeOf, messageOf } from '../core/errors.ts';
import { exitCodes } from './exitcodes.ts';

/** Something started that must be stopped in order. */
export interface Stoppable {
  stop(): Promise<void>;
}

const STOP_DEADLINE_MS = 15_000;

/**
 * Stops everything once, newest first, when the process is told to (SIGTERM, SIGINT, or the supervisor is gone), and
 * exits 0. Past the deadline it exits 1: a process that will not end is killed anyway, and then nobody knows why.
 */
export function stopOnSignal(parts: readonly Stoppable[], logger: Logger): void {
  let stopping = false;
  const stop = (why: string): void => {
    if (stopping) return;
    stopping = true;
    logger.info({ why }, 'stopping');
    setTimeout(() => {
      logger.error({ code: 'stop.late', afterMs: STOP_DEADLINE_MS }, 'did not stop in time');
      process.exit(1);
    }, STOP_DEADLINE_MS).unref();
    void stopAll(parts, logger).then((clean) => process.exit(clean ? 0 : 1));
  };
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
  if (process.send === undefined) return;
  if (process.connected) process.on('disconnect', () => stop('the supervisor is gone'));
  else stop('the supervisor is gone');
}

/** Stops parts from last to first; a part that fails does not keep the others from stopping. */
async function stopAll(parts: readonly Stoppable[], logger: Logger): Promise<boolean> {
  let clean = true;
  for (const part of [...parts].reverse()) {
    try {
      await part.stop();
    } catch (error) {
      clean = false;
      logger.error({ code: codeOf(error), error: messageOf(error) }, 'a part did not stop cleanly');
    }
  }
  return clean;
}

/** What to do when a part can not go on by itself: say so and end the process, so that its supervisor starts it again. */
export function dieOf(part: string, logger: Logger): (error: unknown) => void {
  return (error) => {
    logger.fatal({ code: codeOf(error), error: messageOf(error) }, `${part} can not go on`);
    process.exit(exitCodes.failed.code);
  };
}
