import type { Logger } from 'pino';
import { codeOf, messageOf } from '../core/errors.ts';
import { exitCodes } from '../core/exitcodes.ts';
import { within } from '../core/within.ts';

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
/** How long what must be over before an exit may take when the process can not go on. */
const LAST_WORK_MS = 13_000;

/** What must be over before the process may exit. */
const lastWork: (() => Promise<void>)[] = [];
let ending = false;

/**
 * Notes what must be over before the process exits by itself, whatever the reason. The embedded ClickHouse hangs or
 * crashes a process that exits in the middle of a statement.
 */
export function beforeExit(work: () => Promise<void>): void {
  lastWork.push(work);
}

/** Ends the process with our own code, or, when something can not be made to end first, by SIGKILL (137 to a shell). */
async function end(code: number): Promise<void> {
  if (ending) return;
  ending = true;
  let safe = true;
  const over = Promise.all(
    lastWork.map((work) =>
      work().catch(() => {
        safe = false;
      }),
    ),
  );
  if (!(await within(LAST_WORK_MS, over)) || !safe) killOurselves();
  else process.exit(code);
}

function killOurselves(): void {
  process.kill(process.pid, 'SIGKILL');
}

/**
 * Stops everything once, newest first, when the process is told to (SIGTERM, SIGINT, or the supervisor is gone), and
 * exits 0, or 1 when a part failed to stop. Past the deadline it kills itself, after a line that says which part was
 * late: everything durable is, and an exit in the middle of work would be a crash.
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
      killOurselves();
    }, STOP_DEADLINE_MS).unref();
    void stopAll().then((clean) => end(clean ? exitCodes.ok.code : exitCodes.failed.code));
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
    void end(exitCodes.failed.code);
  };
}
