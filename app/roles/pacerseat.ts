import type { Logger } from 'pino';
import { codeOf, messageOf } from '../../core/errors.ts';
import type { EventLog } from '../../core/eventlog.ts';
import type { PacingStatus } from '../../core/pacingstatus.ts';
import type { Pacer, StandbyPacer } from '../../pacing/pacer.ts';

export interface SeatDeps {
  readonly log: EventLog;
  readonly logger: Logger;
  /** A pacer that reads along. `onReplaced`: after it was activated, another one took over. */
  readonly standBy: (onReplaced: () => void) => Promise<StandbyPacer>;
  /** The seat can not be kept or taken any more: stop the process. */
  readonly onFatal: (error: unknown) => void;
  /** How long a replaced pacer that still has the seat waits before it takes over again, ms; 2000 by default. */
  readonly reclaimMs?: number;
}

/** This process's part in who paces. */
export interface PacerSeat {
  isActive(): boolean;
  /** What the pacer says while it is active; empty while it stands by. */
  status(): readonly PacingStatus[];
  /** Ends the round in hand and gives the seat up. */
  stop(): Promise<void>;
}

/** Longer than a member takes to notice that it was put out of its group. */
const RECLAIM_MS = 2_000;

/**
 * Stands by, and paces while the log gives us the only partition of the `pacing` topic in the group `pacer`.
 *
 * The seat may change hands whenever a member joins or leaves. The one that loses it paces on until it reads the first
 * message of its successor, which is safe: of two, bidders obey the later one only. Then it stands by again.
 */
export async function takePacerSeat(deps: SeatDeps): Promise<PacerSeat> {
  const { log, logger } = deps;
  let standby: StandbyPacer | null = await deps.standBy(onReplaced);
  let active: Pacer | null = null;
  let seated = false;
  let stopping = false;
  let turn: Promise<void> = Promise.resolve();

  /** One change at a time. */
  function inTurn(work: () => Promise<void>): Promise<void> {
    turn = turn.then(() => (stopping ? undefined : work()));
    return turn;
  }

  async function activate(): Promise<void> {
    if (active !== null || standby === null) return;
    active = await standby.activate();
    standby = null;
    logger.info('this pacer is active now');
  }

  function onReplaced(): void {
    inTurn(async () => {
      await active?.stop();
      active = null;
      standby = await deps.standBy(onReplaced);
      if (!seated) return;
      await new Promise((resolve) => setTimeout(resolve, deps.reclaimMs ?? RECLAIM_MS));
      if (seated && !stopping) await activate();
    }).catch(deps.onFatal);
  }

  const seat = await log.consume({
    topic: 'pacing',
    group: 'pacer',
    maxBatchRecords: 1000,
    async start(partition) {
      seated = true;
      await inTurn(activate);
      // What is on the topic is read by the pacer itself.
      return (await log.bounds('pacing')).find((one) => one.partition === partition)?.end ?? 0;
    },
    onBatch: async () => {},
    onRevoked: () => {
      seated = false;
    },
    onError: (error) => {
      logger.error({ code: codeOf(error), error: messageOf(error) }, 'the seat of the pacer was lost');
      deps.onFatal(error);
    },
  });

  return {
    isActive: () => active !== null,
    status: () => active?.status() ?? [],
    async stop() {
      stopping = true;
      await turn.catch(() => {});
      // Before the seat is given up, so that there are not two.
      await active?.stop();
      await standby?.stop();
      await seat.stop();
    },
  };
}
