import { pino } from 'pino';
import { Registry } from 'prom-client';
import { systemClock } from '../../core/clock.ts';
import type { EventLog } from '../../core/eventlog.ts';
import { systemRandom } from '../../core/random.ts';
import type { BidderDeps } from '../bidder.ts';

/** What a bidder under test needs around it: real time and chance, no words, and a failure that fails the test. */
export function quietDeps(log: EventLog): BidderDeps {
  return {
    log,
    clock: systemClock,
    random: systemRandom(),
    logger: pino({ level: 'silent' }),
    metrics: new Registry(),
    onFatal(error) {
      throw error;
    },
  };
}
