import { createHistogram, type Histogram, recordUs } from './histogram.ts';

/** Where the time of a bid request goes: reading it, the auction, and writing the answer (only when there is a bid). */
export const stages = ['read', 'auction', 'answer'] as const;

/** One request of so many is timed; a power of two. */
const EVERY = 64;

/** Times the stages of a few requests of one bid thread. */
export interface StageTimes {
  /** Begins a request. @returns whether it is timed; the others need not call `end` */
  begin(startedMs: number): boolean;
  /** A stage of the request that was begun ends. @param stage by index of `stages` @param nowMs monotonic */
  end(exchange: string, stage: number, nowMs: number): void;
  /** What was recorded since the last call: by exchange, a histogram of each stage. */
  take(): Map<string, readonly Histogram[]>;
}

export function createStageTimes(): StageTimes {
  let requests = 0;
  let lastMs = 0;
  let byExchange = new Map<string, readonly Histogram[]>();
  return {
    begin(startedMs) {
      lastMs = startedMs;
      return (requests++ & (EVERY - 1)) === 0;
    },
    end(exchange, stage, nowMs) {
      let histograms = byExchange.get(exchange);
      if (histograms === undefined) {
        histograms = stages.map(() => createHistogram());
        byExchange.set(exchange, histograms);
      }
      recordUs(histograms[stage]!, (nowMs - lastMs) * 1000);
      lastMs = nowMs;
    },
    take() {
      const taken = byExchange;
      byExchange = new Map();
      return taken;
    },
  };
}
