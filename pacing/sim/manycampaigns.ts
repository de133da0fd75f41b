import { advertiserSchema, campaignSchema, lineItemSchema } from '../../core/campaign.ts';
import { type Random, seededRandom } from '../../core/random.ts';
import type { CampaignChange } from '../../core/topics.ts';
import { forecastKs, hindsightKs, playBaseline, type Score, scoreOf, type Trial } from './arena.ts';
import type { Method } from './baselines.ts';
import type { JobResult, TrialScore } from './benchjob.ts';
import { valueOfRate } from './hindsight.ts';
import { diurnalShape, gaussian, type Market, marketCost, shapeAt, syntheticMarket } from './market.ts';
import { REPLAY_DAY_MS } from './replay.ts';
import type { SimLine } from './simnode.ts';
import { runWorld, type WorldOptions } from './world.ts';

const CAMPAIGNS = 10_000;
const QUICK_CAMPAIGNS = 200;
/** On average; sizes are log-normal, so that most campaigns see less and win fewer than 50. */
const AUCTIONS_EACH = 120;
const SIZE_SIGMA = 1;
const BUDGET_DIVISOR = 8;
const DELAY_MS = 10_000;
const ROUND_MS = 60_000;
/** As in production, where a lease of half a minute lasts thirty rounds of a second. */
const LEASE_ROUNDS = 30;
const DAY_MS = 86_400_000;

/**
 * Ten thousand campaigns in the hands of one pacer, most with fewer than 50 wins a day, each with auctions of its own so
 * that hindsight is known. Published methods run once for every campaign. Scores are of all campaigns together; the
 * worst over-delivery is that of one campaign; wins are the average.
 */
export function playMany(
  name: string,
  seed: number,
  quick: boolean,
  chosen: readonly { readonly method: Method; readonly settings: readonly number[] }[],
): JobResult {
  const random = seededRandom(seed);
  const trials = manyTrials(quick ? QUICK_CAMPAIGNS : CAMPAIGNS, seed, random);
  const scores = [
    ...(['standard', 'strict'] as const).map((mode) => together(playTogether(trials, mode, seededRandom(seed)))),
    ...chosen.map(({ method, settings }) =>
      together(trials.map((trial) => playBaseline(trial, method, settings, random))),
    ),
  ];
  const budget = trials.reduce((sum, trial) => sum + trial.budgetNanos, 0);
  const ks = trials.reduce((sum, trial) => sum + forecastKs(trial.market) * trial.budgetNanos, 0) / budget;
  const bestKs = trials.reduce((sum, trial) => sum + hindsightKs(trial) * trial.budgetNanos, 0) / budget;
  return { name, market: 'many', cell: null, forecastKs: ks, hindsightKs: bestKs, scores };
}

/** Every campaign's own market: one synthetic day dealt out by size. */
function manyTrials(campaigns: number, seed: number, random: Random): Trial[] {
  const sums = [0];
  for (let at = 0; at < campaigns; at++) sums.push(sums[at]! + Math.exp(SIZE_SIGMA * gaussian(random)));
  const whole = syntheticMarket(
    {
      name: 'many',
      auctions: campaigns * AUCTIONS_EACH,
      startMs: REPLAY_DAY_MS,
      endMs: REPLAY_DAY_MS + DAY_MS,
      intensity: (at) => shapeAt(diurnalShape, at),
    },
    random,
  );
  const dealt: number[][] = Array.from({ length: campaigns }, () => []);
  for (let i = 0; i < whole.atMs.length; i++) dealt[placeIn(sums, random.next() * sums[campaigns]!)]!.push(i);
  return dealt
    .filter((indexes) => indexes.length > BUDGET_DIVISOR)
    .map((indexes) => {
      const market = part(whole, indexes);
      const budgetNanos = Math.floor(marketCost(market) / BUDGET_DIVISOR);
      return { market, budgetNanos, delayMs: DELAY_MS, noticeLoss: 0, firstPrice: false, seed };
    });
}

/** Which of the sums' spans a value falls into. */
function placeIn(sums: readonly number[], value: number): number {
  let low = 0;
  let high = sums.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (sums[middle]! <= value) low = middle;
    else high = middle;
  }
  return low;
}

function part(whole: Market, indexes: readonly number[]): Market {
  const pick = (from: Float64Array): Float64Array => Float64Array.from(indexes, (at) => from[at]!);
  return {
    ...whole,
    atMs: pick(whole.atMs),
    priceNanos: pick(whole.priceNanos),
    rate: pick(whole.rate),
    click: Uint8Array.from(indexes, (at) => whole.click[at]!),
  };
}

/** One pacer and one bidder for all campaigns. */
function playTogether(trials: readonly Trial[], mode: WorldOptions['mode'], random: Random): Score[] {
  const { market, owner } = merge(trials);
  const lines = trials.map((trial, at) => lineOf(trial, at));
  const alone = lines.map((line) => [line]);
  const changes: CampaignChange[] = [
    { kind: 'advertiser', entity: advertiserSchema.parse({ id: 1, name: 'Advertiser' }) },
    ...trials.flatMap((trial, at) => changesOf(trial, at)),
  ];
  const result = runWorld({
    market,
    changes,
    lines,
    linesOf: (index) => alone[owner[index]!]!,
    nodes: 1,
    mode,
    firstPrice: false,
    delayMs: DELAY_MS,
    noticeLoss: 0,
    random,
    pacer: {
      roundMs: ROUND_MS,
      leaseMs: LEASE_ROUNDS * ROUND_MS,
      nodeTimeoutMs: 3 * ROUND_MS,
      resolveAfterMs: mode === 'strict' ? Number.POSITIVE_INFINITY : 60_000,
    },
  });
  const method = mode === 'strict' ? 'evenkeel strict' : 'evenkeel';
  const perRound = result.cpuMs / result.rounds;
  return trials.map((trial, at) =>
    scoreOf(method, trial, result.lines.get(lines[at]!.lineItemId)!, result.effort, perRound),
  );
}

/** All campaigns' auctions in order of time, and whose each is. */
function merge(trials: readonly Trial[]): { market: Market; owner: Int32Array } {
  const count = trials.reduce((sum, trial) => sum + trial.market.atMs.length, 0);
  const owners = new Int32Array(count);
  const places = new Int32Array(count);
  let next = 0;
  trials.forEach(({ market }, at) => {
    for (let index = 0; index < market.atMs.length; index++) {
      owners[next] = at;
      places[next++] = index;
    }
  });
  const times = Float64Array.from(owners, (at, one) => trials[at]!.market.atMs[places[one]!]!);
  const order = Int32Array.from(times.keys()).sort((a, b) => times[a]! - times[b]!);
  const pick = (from: (market: Market) => ArrayLike<number>): Float64Array =>
    Float64Array.from(order, (one) => from(trials[owners[one]!]!.market)[places[one]!]!);
  const market = {
    ...trials[0]!.market,
    atMs: pick((one) => one.atMs),
    priceNanos: pick((one) => one.priceNanos),
    rate: pick((one) => one.rate),
    click: Uint8Array.from(pick((one) => one.click)),
  };
  return { market, owner: Int32Array.from(order, (one) => owners[one]!) };
}

function lineOf(trial: Trial, at: number): SimLine {
  const worth = valueOfRate(trial.market);
  return {
    lineItemId: 100_000 + at,
    campaignId: 1000 + at,
    advertiserId: 1,
    value: (all, index) => worth * all.rate[index]!,
  };
}

function changesOf(trial: Trial, at: number): CampaignChange[] {
  const worth = valueOfRate(trial.market);
  const dearest = trial.market.rate.reduce((most, rate) => Math.max(most, rate * worth), 1);
  const dailyMicros = Math.max(1, Math.floor(trial.budgetNanos / 1000));
  return [
    {
      kind: 'campaign',
      entity: campaignSchema.parse({ id: 1000 + at, advertiserId: 1, name: 'C', budget: { dailyMicros } }),
    },
    {
      kind: 'line_item',
      entity: lineItemSchema.parse({
        id: 100_000 + at,
        campaignId: 1000 + at,
        name: 'L',
        goal: { type: 'cpc', targetMicros: Math.max(1, Math.floor(worth / 1000)), maxCpmMicros: Math.ceil(dearest) },
      }),
    },
  ];
}

/** All campaigns as one score. */
function together(scores: readonly Score[]): TrialScore {
  const sum = (pick: (score: Score) => number): number => scores.reduce((total, one) => total + pick(one), 0);
  const budget = sum((one) => one.budgetNanos);
  const clicks = sum((one) => one.clicks);
  const spent = sum((one) => one.deliveredNanos);
  const { byMinute: _, ...first } = scores[0]!;
  return {
    ...first,
    budgetNanos: budget,
    deliveredNanos: spent,
    over: sum((one) => one.over * one.budgetNanos) / budget,
    overMax: Math.max(...scores.map((one) => one.over)),
    billedOver: Math.max(...scores.map((one) => one.billedOver)),
    utilisation: sum((one) => one.utilisation * one.budgetNanos) / budget,
    value: sum((one) => one.value),
    valueShare: sum((one) => one.value) / sum((one) => one.value / Math.max(1e-12, one.valueShare)),
    valueForMoney: sum((one) => one.value) / sum((one) => one.value / Math.max(1e-12, one.valueForMoney)),
    clicks,
    wins: sum((one) => one.wins) / scores.length,
    costPerClick: clicks === 0 ? 0 : spent / clicks,
    ks: sum((one) => one.ks * one.budgetNanos) / budget,
    rmse: sum((one) => one.rmse * one.budgetNanos) / budget,
    effort: sum((one) => one.effort) / scores.length,
    cpuMsPerRound: first.method.startsWith('evenkeel') ? first.cpuMsPerRound : sum((one) => one.cpuMsPerRound),
  };
}
