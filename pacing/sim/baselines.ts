import type { Random } from '../../core/random.ts';

/** What a published method may know: the budget, the period and a forecast of the traffic. */
export interface BaselineContext {
  readonly budgetNanos: number;
  readonly startMs: number;
  readonly endMs: number;
  /** Forecast share of the period's traffic that has come by an instant, 0 to 1. */
  readonly trafficShare: (atMs: number) => number;
  readonly random: Random;
}

/** A pacing method in the hands of one bidder: bids at once, hears of outcomes late. */
export interface Baseline {
  /** Nanos to bid for an auction that is worth `worth`; 0 leaves it out. */
  bid(worth: number): number;
  /** A notice came: what the win cost, or null for a loss. `layer` is what `lastLayer` was when it was bid. */
  heard(nanos: number | null, layer: number): void;
  /** Called every minute with the time. */
  tick(nowMs: number): void;
  readonly lastLayer: number;
}

/** A method with the settings that are tried when it is tuned. */
export interface Method {
  readonly name: string;
  readonly source: string;
  /** Candidates; the best on the tuning market is used. */
  readonly settings: readonly (readonly number[])[];
  create(context: BaselineContext, settings: readonly number[]): Baseline;
}

const LOWEST = 0.0005;
const clamp = (value: number, low: number, high: number): number => Math.max(low, Math.min(high, value));

/** Every combination of the values given for each setting. */
function all(...values: readonly (readonly number[])[]): number[][] {
  return values.reduce<number[][]>((done, next) => done.flatMap((one) => next.map((value) => [...one, value])), [[]]);
}

const none: Method = {
  name: 'none',
  source: 'no pacing: bid the full value until the budget is gone',
  settings: [[]],
  create: () => ({ lastLayer: 0, bid: (worth) => worth, heard: () => undefined, tick: () => undefined }),
};

/** Probabilistic throttling: the pass-through rate goes up or down by a tenth when behind or ahead of the allocation. */
const linkedin: Method = {
  name: 'throttling',
  source: 'Agarwal, Ghosh, Wei, You: Budget pacing for targeted online advertisements at LinkedIn, KDD 2014',
  settings: all([0.1, 0.02, 0.05, 0.2], [0.1, 0.03, 0.01]),
  create({ budgetNanos, trafficShare, random }, [step, first]) {
    let pass = first!;
    let spent = 0;
    return {
      lastLayer: 0,
      bid: (worth) => (random.next() < pass ? worth : 0),
      heard(nanos) {
        spent += nanos ?? 0;
      },
      tick(nowMs) {
        pass = clamp(pass * (spent > budgetNanos * trafficShare(nowMs) ? 1 - step! : 1 + step!), LOWEST, 1);
      },
    };
  },
};

/** A PID controller on the spend of each interval, acting on the bid by an exponential. */
const pid: Method = {
  name: 'pid',
  source: 'Zhang, Rong, Wang, Zhu, Wang: Feedback control of real-time display advertising, WSDM 2016',
  settings: all([0.02, 0.05, 0.1], [0.005, 0.01, 0.03], [0.02], [0.05, 0.02]),
  create({ budgetNanos, trafficShare, startMs }, [p, i, d, first]) {
    const everyMs = 300_000;
    let dueMs = startMs + everyMs;
    let heardNanos = 0;
    let sum = 0;
    let before = 0;
    let multiplier = first!;
    return {
      lastLayer: 0,
      bid: (worth) => worth * multiplier,
      heard(nanos) {
        heardNanos += nanos ?? 0;
      },
      tick(nowMs) {
        if (nowMs < dueMs) return;
        const target = budgetNanos * (trafficShare(nowMs) - trafficShare(nowMs - everyMs));
        const error = target <= 0 ? 0 : clamp((target - heardNanos) / target, -4, 1);
        sum = clamp(sum + error, -400, 400);
        const signal = p! * error * 10 + i! * sum * 10 + d! * (error - before) * 10;
        multiplier = clamp(first! * Math.exp(clamp(signal, -6, 6)), LOWEST, 1);
        before = error;
        heardNanos = 0;
        dueMs += everyMs;
      },
    };
  },
};

/** Layers by predicted response, each with its own pass rate; the best layers are opened first and closed last. */
const smart: Method = {
  name: 'smart pacing',
  source: 'Xu, Lee, Li, Qi, Lu: Smart pacing for effective online ad campaign optimization, KDD 2015',
  settings: all([8, 16, 32, 64], [300_000, 600_000, 900_000]),
  create({ budgetNanos, trafficShare, startMs, endMs, random }, [count, everyMs]) {
    const layers = count!;
    const sample: number[] = [];
    let bounds: number[] = [];
    const pass = Array.from({ length: layers }, () => 0.001);
    const spend = new Float64Array(layers);
    let total = 0;
    let dueMs = startMs + everyMs!;
    const layerOf = (worth: number): number => bounds.filter((bound) => worth >= bound).length;
    return {
      lastLayer: 0,
      bid(worth) {
        if (sample.length < 2000) {
          sample.push(worth);
          if (sample.length % 200 === 0) {
            const sorted = [...sample].sort((a, b) => a - b);
            bounds = Array.from(
              { length: layers - 1 },
              (_, k) => sorted[Math.floor(((k + 1) / layers) * sorted.length)]!,
            );
          }
        }
        (this as { lastLayer: number }).lastLayer = bounds.length === 0 ? 0 : layerOf(worth);
        return random.next() < pass[this.lastLayer]! ? worth : 0;
      },
      heard(nanos, layer) {
        spend[layer]! += nanos ?? 0;
        total += nanos ?? 0;
      },
      tick(nowMs) {
        if (nowMs < dueMs) return;
        dueMs += everyMs!;
        const next = trafficShare(nowMs + everyMs!) - trafficShare(nowMs);
        const rest = 1 - trafficShare(nowMs);
        const want = nowMs >= endMs || rest <= 0 ? 0 : ((budgetNanos - total) * next) / rest;
        let residual = want - spend.reduce((sum, one) => sum + one, 0);
        const order = Array.from({ length: layers }, (_, k) => (residual > 0 ? layers - 1 - k : k));
        for (const layer of order) {
          if (spend[layer]! <= 0) {
            // Nothing is known of this layer: try it carefully when there is money for it.
            if (residual > 0) pass[layer] = clamp(pass[layer]! * 2, LOWEST, 1);
            if (residual > 0) break;
            continue;
          }
          const wanted = clamp((pass[layer]! * (spend[layer]! + residual)) / spend[layer]!, LOWEST, 1);
          residual -= spend[layer]! * (wanted / pass[layer]! - 1);
          pass[layer] = wanted;
          if (Math.abs(residual) < 1e-6 * budgetNanos) break;
        }
        spend.fill(0);
      },
    };
  },
};

/** Soft throttling: one signal on all bids, moved by the distance from the target curve and by its trend. */
const mystique: Method = {
  name: 'mystique',
  source: 'Stram, Abutbul, Somekh, Koren: Mystique, WWW 2024 (after its published outline; constants are our own)',
  settings: all([0.02, 0.05, 0.1], [2, 4], [0.05, 0.02]),
  create({ budgetNanos, trafficShare }, [step, trend, first]) {
    let signal = first!;
    let spent = 0;
    let gapBefore = 0;
    return {
      lastLayer: 0,
      bid: (worth) => worth * signal,
      heard(nanos) {
        spent += nanos ?? 0;
      },
      tick(nowMs) {
        const target = Math.max(1e-4, trafficShare(nowMs));
        const gap = clamp((target - spent / budgetNanos) / Math.max(0.01, target * 0.1), -1, 1);
        const moving = clamp((gap - gapBefore) * trend! * 5, -1, 1);
        gapBefore = gap;
        signal = clamp(signal * Math.exp(step! * clamp(gap * 0.5 + moving, -1, 1)), LOWEST, 1);
      },
    };
  },
};

function mirror(name: string, source: string, forecast: boolean): Method {
  return {
    name,
    source,
    settings: all([0.02, 0.005, 0.01, 0.03, 0.05, 0.1], [0.05, 0.02]),
    create({ budgetNanos, trafficShare, startMs, endMs }, [rate, first]) {
      let logMultiplier = Math.log(first!);
      let heardNanos = 0;
      return {
        lastLayer: 0,
        bid: (worth) => worth * Math.exp(logMultiplier),
        heard(nanos) {
          heardNanos += nanos ?? 0;
        },
        tick(nowMs) {
          const share = forecast ? trafficShare(nowMs) - trafficShare(nowMs - 60_000) : 60_000 / (endMs - startMs);
          const target = budgetNanos * share;
          const average = (budgetNanos * 60_000) / (endMs - startMs);
          // Entropy as mirror map: the dual moves by a factor; steps are relative to the average spend of a minute.
          const step = clamp((rate! * (target - heardNanos)) / average, -1, 1);
          logMultiplier = clamp(logMultiplier + step, Math.log(LOWEST), 0);
          heardNanos = 0;
        },
      };
    },
  };
}

const balseiro = 'Balseiro, Lu, Mirrokni: The best of many worlds: dual mirror descent, Operations Research 2023';

/** Every published method the pacer is measured against. */
export const methods: readonly Method[] = [
  none,
  linkedin,
  pid,
  smart,
  mystique,
  mirror('mirror descent', balseiro, false),
  mirror('mirror descent + forecast', `${balseiro}; spend targets from the forecast`, true),
];
