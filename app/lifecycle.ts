import type { Logger } from 'pino';
import { codeOf, messageOf } from '../core/errors.ts';
import { exitCodes } from '../core/exitcodes.ts';

/** Something started that must be stopped in order. */
export interface Stoppable {
  stop(): Promise<void>;
}

/** Something that is closed, as a part that is stopped. */
export function closing(part: { close(): Promise<void> }): Stoppable {
  return { stop: () => part.close() };
}

/** Less than the supervisor waits before it kills. */
const STOP_DEADLINE_MS = 18_000;

/**
 * Stops everything once, newest first, when the process is told to (SIGTERM, SIGINT, or the supervisor is gone), and
 * exits 0. Past the deadline it exits 1: a process that will not end is killed anyway, and then nobody knows why.
 * @param parts by name, in the order they were started
 */
export function stopOnSignal(parts: Readonly<Record<string, Stoppable>>, logger: Logger): void {
  let stopping = false;
  let current = '';
  const stop = (why: string): void => {
    if (stopping) return;
    stopping = true;
    logger.info({ why }, 'stopping');
    setTimeout(() => {
      logger.error({ code: 'stop.late', part: current, afterMs: STOP_DEADLINE_MS }, 'did not stop in time');
      process.exit(exitCodes.failed.code);
    }, STOP_DEADLINE_MS).unref();
    void stopAll().then((clean) => process.exit(clean ? exitCodes.ok.code : exitCodes.failed.code));
  };
  /** A part that fails does not keep the others from stopping. */
  async function stopAll(): Promise<boolean> {
    let clean = true;
    for (const [name, part] of Object.entries(parts).reverse()) {
      current = name;
      try {
        await part.stop();
      } catch (error) {
        clean = false;
        logger.error({ part: name, code: codeOf(error), error: messageOf(error) }, 'a part did not stop cleanly');
      }
    }
    return clean;
  }
  process.on('SIGTERM', () => stop('SIGTERM'));
  process.on('SIGINT', () => stop('SIGINT'));
  // A reload where there is something to reload; never an end, which is what it would be by default.
  process.on('SIGHUP', () => {});
  if (process.send === undefined) return;
  if (process.connected) process.on('disconnect', () => stop('the supervisor is gone'));
  else stop('the supervisor is gone');
}

/** What to do when a part can not go on by itself: say so and end the process, so that its supervisor starts it again. */
export function dieOf(part: string, logger: Logger): (error: unknown) => void {
  return (error) => {
    logger.fatal({ code: codeOf(error), error: messageOf(error) }, `${part} can not go on`);
    process.exit(exitCodes.failed.code);
  };
}
