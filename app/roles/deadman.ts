import type { Logger } from 'pino';
import type { Clock } from '../../core/clock.ts';
import { messageOf } from '../../core/errors.ts';

export interface DeadManDeps {
  /** When the newest record in the store was logged, milliseconds since the epoch; null when there is none. */
  readonly newestMs: () => Promise<number | null>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * The dead-man's switch: whether anybody would see what bidding costs. Bidders log counters every second, bidding or
 * not, so a store that gets nothing new means that ingest or the store is away.
 */
export interface DeadMan {
  /** False once nothing has reached the store for too long. */
  mayLease(): boolean;
  /** Age of the newest record in the store; since the start while it is not known. */
  ageMs(): number;
  /** Asks the store once. */
  look(): Promise<void>;
  stop(): Promise<void>;
}

const LOOK_EVERY_MS = 5_000;

/** @param timeoutMs of the clock; 0: never stop */
export function watchReporting(timeoutMs: number, { newestMs, clock, logger }: DeadManDeps): DeadMan {
  let seenMs = clock.nowMs();
  let stopped = false;
  let looking = false;
  const ageMs = (): number => clock.nowMs() - seenMs;
  // By the clock alone: a store that hangs never answers a look.
  const isSilent = (): boolean => timeoutMs > 0 && ageMs() > timeoutMs;

  async function look(): Promise<void> {
    tell();
    if (looking) return;
    looking = true;
    try {
      seenMs = Math.max(seenMs, (await newestMs()) ?? 0);
    } catch (error) {
      logger.debug({ error: messageOf(error) }, 'the store can not say how new it is');
    }
    looking = false;
    tell();
  }

  function tell(): void {
    const now = isSilent();
    if (now && !stopped)
      logger.error({ code: 'reporting.silent', ageMs: ageMs() }, 'no reports for too long: no credit is renewed');
    if (!now && stopped) logger.warn({ code: 'reporting.back' }, 'reports are back: credit is renewed');
    stopped = now;
  }
  const timer = setInterval(() => void look(), LOOK_EVERY_MS);

  return {
    mayLease: () => !isSilent(),
    ageMs,
    look,
    async stop() {
      clearInterval(timer);
    },
  };
}
