import { judge, type Verdict } from './bars.ts';
import { methods } from './baselines.ts';
import { type Job, type JobResult, jobNames, type TrialScore } from './benchjob.ts';
import type { CellScore, CellScores } from './benchtables.ts';
import { createCrew } from './crew.ts';
import { measureRound, type RoundCost } from './manylines.ts';
import { tuneBaselines } from './tuning.ts';

export interface BenchOptions {
  /** A few cells and one seed, under a minute. */
  readonly quick: boolean;
  readonly seed?: number;
  /** Seeds per cell; 10 by default, 1 when quick. */
  readonly seeds?: number;
  /** Auctions of a market; 40,000 by default, 15,000 when quick. */
  readonly auctions?: number;
  /** No job is begun after this; cells then have fewer seeds, and say how many. */
  readonly minutes?: number;
  /** Threads; 1 by default. */
  readonly workers?: number;
  /** Plays only cells and scenarios whose name contains this. */
  readonly only?: string;
  /** Where ipinyou-2261.tsv may be; ../shared/data by default. */
  readonly dataDir?: string;
  /** Called with the share done, 0 to 1. */
  readonly onProgress?: (share: number, what: string) => void;
  /** What is known so far, after every finished seed. */
  readonly onSeed?: (result: BenchResult) => void;
}

export interface BenchResult {
  readonly seeds: number;
  /** What the published methods were set to. */
  readonly settings: Readonly<Record<string, readonly number[]>>;
  readonly cells: readonly CellScores[];
  readonly verdicts: readonly Verdict[];
  readonly round: RoundCost;
  readonly passed: boolean;
}

const DATA_DIR = '../shared/data';
const AUCTIONS = 40_000;
const QUICK_AUCTIONS = 15_000;

/**
 * Runs every method in every cell of the grid and in every scenario, and judges the bars. Seed by seed, so that an early
 * end leaves every cell with about as many seeds.
 */
export async function benchPacing(options: BenchOptions): Promise<BenchResult> {
  const { quick } = options;
  const seeds = options.seeds ?? (quick ? 1 : 10);
  const first = options.seed ?? 1;
  const dataDir = options.dataDir ?? DATA_DIR;
  const auctions = options.auctions ?? (quick ? QUICK_AUCTIONS : AUCTIONS);
  const round = measureRound(quick ? 20 : 40);
  const tuned = tuneBaselines(dataDir);
  const names = jobNames(quick);
  const jobs = jobsOf(names, seeds, first, options.only ?? '');
  const crew = createCrew(options.workers ?? 1, { quick, auctions, dataDir, tuned });
  const results: JobResult[] = [];
  const endsNs = process.hrtime.bigint() + BigInt(Math.round((options.minutes ?? 600) * 60e9));
  let next = 0;
  let done = 0;
  const resultOf = (): BenchResult => {
    const cells = cellsOf(results);
    const verdicts = judge(cells, round);
    const settings = Object.fromEntries(methods.map((method, at) => [method.name, tuned[at]!]));
    return { seeds, settings, cells, verdicts, round, passed: verdicts.every(({ misses }) => misses.length === 0) };
  };
  const work = async (): Promise<void> => {
    while (next < jobs.length && process.hrtime.bigint() < endsNs) {
      const job = jobs[next++]!;
      results.push(...(await crew.play(job)));
      done++;
      options.onProgress?.(done / jobs.length, `seed ${job.seed}: ${names[job.at]}`);
      if (job.at >= names.length - 2) options.onSeed?.(resultOf());
    }
  };
  try {
    await Promise.all(Array.from({ length: crew.size }, work));
  } finally {
    await crew.stop();
  }
  return resultOf();
}

/** Seed by seed; the dearest one, which comes last, after all seeds of the others. */
function jobsOf(names: readonly string[], seeds: number, first: number, only: string): Job[] {
  const wanted = [...names.keys()].filter((at) => names[at]!.includes(only));
  const last = names.length - 1;
  const all = Array.from({ length: seeds }, (_, n) => wanted.map((at) => ({ seed: first + n, at }))).flat();
  return [...all.filter((job) => job.at !== last), ...all.filter((job) => job.at === last)];
}

/** Results of the same cell and market, averaged over seeds. */
function cellsOf(results: readonly JobResult[]): CellScores[] {
  const byCell = new Map<string, JobResult[]>();
  for (const result of results) {
    const key = `${result.market}|${result.name}`;
    byCell.set(key, [...(byCell.get(key) ?? []), result]);
  }
  return [...byCell.values()].map(average);
}

function average(runs: readonly JobResult[]): CellScores {
  const { name, market, cell, scores } = runs[0]!;
  const mean = (all: readonly number[]): number => all.reduce((sum, one) => sum + one, 0) / all.length;
  return {
    name,
    market,
    cell,
    seeds: runs.length,
    forecastKs: mean(runs.map((run) => run.forecastKs)),
    hindsightKs: mean(runs.map((run) => run.hindsightKs)),
    scores: scores.map((_, at) => averageScore(runs.map((run) => run.scores[at]!))),
  };
}

function averageScore(all: readonly TrialScore[]): CellScore {
  const mean = (pick: (score: TrialScore) => number): number =>
    all.reduce((sum, one) => sum + pick(one), 0) / all.length;
  return {
    method: all[0]!.method,
    budgetNanos: mean((one) => one.budgetNanos),
    deliveredNanos: mean((one) => one.deliveredNanos),
    over: mean((one) => one.over),
    overMax: Math.max(...all.map((one) => one.overMax ?? one.over)),
    billedOver: Math.max(...all.map((one) => one.billedOver)),
    utilisation: mean((one) => one.utilisation),
    value: mean((one) => one.value),
    valueShare: mean((one) => one.valueShare),
    valueForMoney: mean((one) => one.valueForMoney),
    clicks: mean((one) => one.clicks),
    wins: mean((one) => one.wins),
    costPerClick: mean((one) => one.costPerClick),
    ks: mean((one) => one.ks),
    rmse: mean((one) => one.rmse),
    effort: mean((one) => one.effort),
    cpuMsPerRound: mean((one) => one.cpuMsPerRound),
  };
}
