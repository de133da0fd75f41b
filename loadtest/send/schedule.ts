import type { Random } from '../../core/random.ts';

/** A stretch of time in which the arrival rate changes linearly. Rates are requests per second. */
export interface Stage {
  readonly fromRps: number;
  readonly toRps: number;
  readonly durationMs: number;
}

/** Arrivals evenly spaced, or as a Poisson process (independent users). */
export type Arrivals = 'even' | 'poisson';

/** Intended start times, fixed by the stages, the share and the seed alone: nothing a server does can move them. */
export interface Schedule {
  /** The next intended start, ms from the beginning of the run; null after the last. */
  next(): number | null;
}

/** Requests in all stages together. */
export function plannedRequests(stages: readonly Stage[]): number {
  return Math.floor(stages.reduce((sum, stage) => sum + stageRequests(stage), 0) + 1e-9);
}

export function plannedMs(stages: readonly Stage[]): number {
  return stages.reduce((sum, stage) => sum + stage.durationMs, 0);
}

/** The intended rate at a moment, requests per second. */
export function rateAt(stages: readonly Stage[], atMs: number): number {
  let from = 0;
  for (const stage of stages) {
    if (atMs < from + stage.durationMs) {
      return stage.fromRps + ((stage.toRps - stage.fromRps) * (atMs - from)) / stage.durationMs;
    }
    from += stage.durationMs;
  }
  return 0;
}

/**
 * The schedule of sender `lane` of `lanes`. Even arrivals are dealt out in turn; Poisson arrivals are one independent
 * process per lane, which together are the process of the full rate.
 */
export function createSchedule(
  stages: readonly Stage[],
  arrivals: Arrivals,
  lane: number,
  lanes: number,
  random: Random,
): Schedule {
  let stageAt = 0;
  let stageStartMs = 0;
  /** Expected number of arrivals before the current stage. */
  let before = 0;
  // Arrivals are at whole steps of the expected count (even), or at exponential steps of it (Poisson).
  let target = arrivals === 'even' ? lane : -Math.log(1 - random.next()) * lanes;
  return {
    next() {
      for (;;) {
        const stage = stages[stageAt];
        if (stage === undefined) return null;
        const inStage = stageRequests(stage);
        if (target - before < inStage - 1e-9) {
          const at = stageStartMs + timeOf(stage, target - before);
          target += arrivals === 'even' ? lanes : -Math.log(1 - random.next()) * lanes;
          return at;
        }
        before += inStage;
        stageStartMs += stage.durationMs;
        stageAt += 1;
      }
    },
  };
}

function stageRequests(stage: Stage): number {
  return ((stage.fromRps + stage.toRps) / 2) * (stage.durationMs / 1000);
}

/** When the expected count of a stage reaches `count`, ms from the stage's start: the inverse of rate's integral. */
function timeOf(stage: Stage, count: number): number {
  const seconds = stage.durationMs / 1000;
  const slope = (stage.toRps - stage.fromRps) / seconds;
  if (Math.abs(slope) < 1e-9) return (count / stage.fromRps) * 1000;
  const root = Math.sqrt(Math.max(0, stage.fromRps ** 2 + 2 * slope * count));
  return ((root - stage.fromRps) / slope) * 1000;
}
