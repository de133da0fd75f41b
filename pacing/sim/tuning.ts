import { seededRandom } from '../../core/random.ts';
import { playBaseline, type Trial } from './arena.ts';
import { methods } from './baselines.ts';
import type { Tuned } from './benchjob.ts';
import { gridMarkets, gridTrial } from './grid.ts';
import { diurnalShape, marketCost, shapeAt } from './market.ts';
import { REPLAY_DAY_MS } from './replay.ts';
import { between, market, type Shape } from './scenarios.ts';

/** Seeds of the markets that methods are tuned on; the scored ones never use them. */
const TUNING_SEED = 990_000;
const AUCTIONS = 15_000;
const HOUR = 3_600_000;
const hour = (at: number): number => REPLAY_DAY_MS + at * HOUR;
const dayOf = (at: number): number => shapeAt(diurnalShape, at);
const SHIFTED = diurnalShape.map((_, slot) => diurnalShape[(slot + 32) % 96]!);

/** Surprises like those that are scored, but at other hours, of other sizes, and with other seeds. */
const surprises: readonly Shape[] = [
  { intensity: (at) => dayOf(at) * between(hour(8), hour(9.5), 3)(at) },
  { intensity: (at) => dayOf(at) * between(hour(15), hour(17), 0.3)(at) },
  { priceFactor: (at) => (at >= hour(9) ? 1.35 : 1) },
  { priceFactor: (at) => (at >= hour(14) ? 0.75 : 1) },
  { clickFactor: (at) => (at >= hour(15) ? 0.6 : 1) },
  { clickFactor: (at) => (at >= hour(9) ? 1.6 : 1) },
  { knownShape: SHIFTED },
];

/**
 * What settings are chosen on: the other half of the log, other regions, other seeds. Never what is scored.
 * @param seeds how many of each; more for choosing our own settings, which few runs decide badly
 */
function tuningTrials(dataDir: string, seeds = 1): Trial[] {
  const trials: Trial[] = [];
  for (let seed = TUNING_SEED; seed < TUNING_SEED + seeds; seed++) {
    for (const made of gridMarkets(dataDir, seed, AUCTIONS, 'tuning'))
      trials.push(
        gridTrial(made, { divisor: 4, delaySeconds: 10, noticeLoss: 0, firstPrice: false }, seed),
        gridTrial(made, { divisor: 16, delaySeconds: 60, noticeLoss: 0, firstPrice: true }, seed),
        gridTrial(made, { divisor: 16, delaySeconds: 300, noticeLoss: 0.01, firstPrice: false }, seed),
        gridTrial(made, { divisor: 64, delaySeconds: 10, noticeLoss: 0, firstPrice: false }, seed),
      );
    surprises.forEach((shape, at) => {
      const made = market(`surprise ${at}`, shape, AUCTIONS, seededRandom(seed + at));
      trials.push({
        market: made,
        budgetNanos: Math.floor(marketCost(made) / 12),
        delayMs: 10_000,
        noticeLoss: 0,
        firstPrice: false,
        seed,
      });
    });
  }
  return trials;
}

/** Every published method gets the best of its settings on markets that are not scored; in the order of `methods`. */
export function tuneBaselines(dataDir: string): Tuned {
  const trials = tuningTrials(dataDir);
  return methods.map((method) => {
    const worthOf = (settings: readonly number[]): number =>
      trials.reduce(
        (sum, trial) => sum + playBaseline(trial, method, settings, seededRandom(TUNING_SEED)).valueShare,
        0,
      );
    if (method.settings.length === 1) return method.settings[0]!;
    const tried = method.settings.map((settings) => ({ settings, value: worthOf(settings) }));
    return tried.reduce((best, one) => (one.value > best.value ? one : best)).settings;
  });
}
