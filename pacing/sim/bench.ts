import { seededRandom } from '../../core/random.ts';
import { forecastKs, playBaseline, playPacer, type Score, type Trial } from './arena.ts';
import { judge, type Verdict } from './bars.ts';
import { type Method, methods } from './baselines.ts';
import { measureRound, type RoundCost } from './manylines.ts';
import { type GridCell, gridCells, gridMarkets, gridTrial, scenarios } from './scenarios.ts';

export interface BenchOptions {
  /** A few cells and one seed, under 45 s. */
  readonly quick: boolean;
  /** Print one JSON document instead of tables. */
  readonly json: boolean;
  readonly seed?: number;
  /** Seeds per cell; 10 by default, 1 when quick. */
  readonly seeds?: number;
  /** Where ipinyou-2261.tsv may be; ../shared/data by default. */
  readonly dataDir?: string;
  readonly write?: (text: string) => void;
  /** Called with the share done, 0 to 1. */
  readonly onProgress?: (share: number, what: string) => void;
}

/** The scores of all methods in one cell, averaged over seeds. */
export interface CellScores {
  readonly name: string;
  readonly market: string;
  readonly cell: GridCell | null;
  readonly forecastKs: number;
  readonly scores: readonly CellScore[];
}
export interface CellScore extends Omit<Score, 'byMinute'> {
  readonly overMax: number;
}

export interface BenchResult {
  readonly seeds: number;
  readonly cells: readonly CellScores[];
  readonly verdicts: readonly Verdict[];
  readonly round: RoundCost;
  readonly passed: boolean;
}

const AUCTIONS = 80_000;
const QUICK_AUCTIONS = 15_000;
const ROUND_MS = 10_000;
const QUICK_ROUND_MS = 30_000;
/** Seeds of the markets that methods are tuned on; the scored ones never use them. */
const TUNING_SEED = 990_000;

/**
 * Runs every method in every cell of the grid and in every scenario, prints the table and judges the bars.
 * @returns the exit code: 0, or 1 when a bar is missed
 */
export async function runPacingBench(options: BenchOptions): Promise<number> {
  const result = await benchPacing(options);
  const write = options.write ?? ((text: string) => process.stdout.write(text));
  write(options.json ? `${JSON.stringify(result, null, 1)}\n` : tables(result));
  return result.passed ? 0 : 1;
}

async function benchPacing(options: BenchOptions): Promise<BenchResult> {
  const { quick } = options;
  const seeds = options.seeds ?? (quick ? 1 : 10);
  const auctions = quick ? QUICK_AUCTIONS : AUCTIONS;
  const dataDir = options.dataDir ?? '../shared/data';
  const first = options.seed ?? 1;
  const tuned = tune();
  const cells: CellScores[] = [];
  const jobs = [
    ...gridCells(quick).map((cell) => ({ cell, scenario: null })),
    ...scenarios.map((scenario) => ({ cell: null, scenario })),
  ];
  const marketsOf = new Map<number, ReturnType<typeof gridMarkets>>();
  for (let seed = first; seed < first + seeds; seed++)
    marketsOf.set(seed, gridMarkets(dataDir, seed, auctions, quick ? 4 : 1));
  let done = 0;
  for (const { cell, scenario } of jobs) {
    const runs = new Map<string, { trial: Trial; scores: Score[] }[]>();
    for (let seed = first; seed < first + seeds; seed++) {
      const trials =
        cell === null
          ? [scenario!.trial(seed, auctions)]
          : marketsOf.get(seed)!.map((market) => gridTrial(market, cell, seed));
      for (const trial of trials) {
        const list = runs.get(trial.market.name) ?? [];
        runs.set(trial.market.name, list);
        list.push({ trial, scores: playAll(trial, tuned, quick) });
      }
      // Lets a progress bar draw and an interrupt through.
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (const [market, list] of runs) cells.push(average(cell, scenario?.name ?? gridName(cell!), market, list));
    done++;
    options.onProgress?.(done / jobs.length, scenario?.name ?? gridName(cell!));
  }
  const round = measureRound(quick ? 5 : 20);
  const verdicts = judge(cells, round);
  return { seeds, cells, verdicts, round, passed: verdicts.every((verdict) => verdict.misses.length === 0) };
}

function gridName(cell: GridCell): string {
  const loss = cell.noticeLoss === 0 ? '' : `, ${cell.noticeLoss * 100} % lost`;
  return `1/${cell.divisor}, ${cell.delaySeconds} s${loss}, ${cell.firstPrice ? 'first' : 'second'} price`;
}

function playAll(trial: Trial, tuned: ReadonlyMap<Method, readonly number[]>, quick: boolean): Score[] {
  const roundMs = quick ? QUICK_ROUND_MS : ROUND_MS;
  const random = (): ReturnType<typeof seededRandom> => seededRandom(trial.seed * 7919 + 1);
  const own = (['standard', 'strict'] as const).map((mode) => playPacer(trial, mode, random(), roundMs));
  return [...own, ...[...tuned].map(([method, settings]) => playBaseline(trial, method, settings, random()))];
}

/** Every published method gets the best of its five settings on markets that are not scored. Ours was tuned by hand: docs/pacing.md. */
function tune(): Map<Method, readonly number[]> {
  const markets = gridMarkets('', TUNING_SEED, QUICK_AUCTIONS);
  const trials = [4, 64].flatMap((divisor) =>
    markets.map((market) =>
      gridTrial(market, { divisor, delaySeconds: 10, noticeLoss: 0, firstPrice: false }, TUNING_SEED),
    ),
  );
  const best = new Map<Method, readonly number[]>();
  for (const method of methods) {
    let bestValue = -1;
    for (const settings of method.settings) {
      const value = trials.reduce(
        (sum, trial) => sum + playBaseline(trial, method, settings, seededRandom(TUNING_SEED)).valueShare,
        0,
      );
      if (value <= bestValue) continue;
      bestValue = value;
      best.set(method, settings);
    }
  }
  return best;
}

function average(
  cell: GridCell | null,
  name: string,
  market: string,
  runs: { trial: Trial; scores: Score[] }[],
): CellScores {
  const names = runs[0]!.scores.map((score) => score.method);
  const scores = names.map((method, at) => {
    const all = runs.map((run) => run.scores[at]!);
    const mean = (pick: (score: Score) => number): number => all.reduce((sum, one) => sum + pick(one), 0) / all.length;
    return {
      method,
      over: mean((one) => one.over),
      overMax: Math.max(...all.map((one) => one.over)),
      billedOver: Math.max(...all.map((one) => one.billedOver)),
      utilisation: mean((one) => one.utilisation),
      value: mean((one) => one.value),
      valueShare: mean((one) => one.valueShare),
      clicks: mean((one) => one.clicks),
      wins: mean((one) => one.wins),
      costPerClick: mean((one) => one.costPerClick),
      ks: mean((one) => one.ks),
      rmse: mean((one) => one.rmse),
      effort: mean((one) => one.effort),
      cpuMsPerRound: mean((one) => one.cpuMsPerRound),
    };
  });
  const ks = runs.reduce((sum, run) => sum + forecastKs(run.trial.market), 0) / runs.length;
  return { name, market, cell, forecastKs: ks, scores };
}

/** The tables as they are printed and copied into docs/pacing.md: every cell, won or lost. */
function tables(result: BenchResult): string {
  const head = ['method', 'over % mean', 'max', 'billed', 'used', 'value', 'KS', 'RMSE', 'CPC', 'effort', 'µs/round'];
  const lines: string[] = [];
  for (const one of result.cells) {
    lines.push('', `${one.market}: ${one.name} (the forecast's own KS ${one.forecastKs.toFixed(3)})`, row(head));
    for (const score of one.scores)
      lines.push(
        row([
          score.method,
          (score.over * 100).toFixed(2),
          (score.overMax * 100).toFixed(2),
          (score.billedOver * 100).toFixed(2),
          score.utilisation.toFixed(3),
          score.valueShare.toFixed(3),
          score.ks.toFixed(3),
          score.rmse.toFixed(3),
          (score.costPerClick / 1e9).toFixed(3),
          score.effort.toFixed(1),
          (score.cpuMsPerRound * 1000).toFixed(0),
        ]),
      );
  }
  lines.push('', ...summary(result.cells));
  lines.push(
    '',
    `${result.round.lineItems} line items: ${result.round.medianMs.toFixed(1)} ms CPU a round (median), ${result.round.worstMs.toFixed(1)} ms worst.`,
    '',
  );
  for (const verdict of result.verdicts) {
    lines.push(
      `${verdict.misses.length === 0 ? 'held  ' : 'MISSED'} ${verdict.bar} (${verdict.held} of ${verdict.held + verdict.misses.length})`,
    );
    for (const miss of verdict.misses) lines.push(`         ${miss}`);
  }
  return `${lines.join('\n')}\n`;
}

/** One line for each cell: the pacer in both modes against the published method of highest value. */
function summary(cells: readonly CellScores[]): string[] {
  const lines = [`${'cell'.padEnd(52)}   used  value     KS  over %  strict used  best published: value, over %`];
  for (const one of cells) {
    const [own, strict, ...others] = one.scores as readonly [CellScore, CellScore, ...CellScore[]];
    const best = others.reduce((most, score) => (score.valueShare > most.valueShare ? score : most), others[0]!);
    const name = one.cell === null ? one.name : `${one.market}: ${one.name}`;
    lines.push(
      `${name.padEnd(52)}  ${own.utilisation.toFixed(3)}  ${own.valueShare.toFixed(3)}  ${own.ks.toFixed(3)}  ` +
        `${(own.over * 100).toFixed(2).padStart(6)}        ${strict.utilisation.toFixed(3)}  ` +
        `${best.method}: ${best.valueShare.toFixed(3)}, ${(best.over * 100).toFixed(2)}`,
    );
  }
  return lines;
}

function row(cells: readonly string[]): string {
  return cells.map((cell, at) => (at === 0 ? cell.padEnd(26) : cell.padStart(11))).join('');
}
