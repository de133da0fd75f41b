import { seededRandom } from '../../core/random.ts';
import { forecastKs, hindsightKs, playBaseline, playPacer, type Score, type Trial } from './arena.ts';
import { type Method, methods } from './baselines.ts';
import { type GridCell, gridCells, gridMarkets, gridName, gridTrial } from './grid.ts';
import { playMany } from './manycampaigns.ts';
import type { Market } from './market.ts';
import { scenarios } from './scenarios.ts';

/** The settings found for each published method, in the order of `methods`. */
export type Tuned = readonly (readonly number[])[];

export interface JobSettings {
  readonly quick: boolean;
  /** Auctions of a market. */
  readonly auctions: number;
  readonly dataDir: string;
  readonly tuned: Tuned;
}

/** One cell or scenario with one seed. */
export interface Job {
  readonly seed: number;
  readonly at: number;
}

/** What every method did in one trial. */
export interface JobResult {
  readonly name: string;
  readonly market: string;
  readonly cell: GridCell | null;
  readonly forecastKs: number;
  readonly hindsightKs: number;
  readonly scores: readonly TrialScore[];
}
export type TrialScore = Omit<Score, 'byMinute'>;

const ROUND_MS = 20_000;
const QUICK_ROUND_MS = 30_000;
const MANY = 'many campaigns';

/** Names of all that is played, in the order of `Job.at`. */
export function jobNames(quick: boolean): string[] {
  return [...gridCells(quick).map(gridName), ...scenarios.map((scenario) => scenario.name), MANY];
}

let markets: { readonly key: string; readonly made: readonly Market[] } | null = null;

/** Plays one job: every method in every market of the cell. */
export function playJob(job: Job, settings: JobSettings): JobResult[] {
  const { quick, auctions, dataDir } = settings;
  const name = jobNames(quick)[job.at]!;
  const cell = gridCells(quick)[job.at] ?? null;
  const chosen = methods.map((method, at) => ({ method, settings: settings.tuned[at]! }));
  if (name === MANY) return [playMany(name, job.seed, quick, chosen)];
  if (cell === null) {
    const scenario = scenarios.find((one) => one.name === name)!;
    return [playTrial(name, null, scenario.trial(job.seed, auctions), quick, chosen)];
  }
  const key = `${job.seed}:${auctions}`;
  if (markets?.key !== key) markets = { key, made: gridMarkets(dataDir, job.seed, auctions) };
  return markets.made.map((market) => playTrial(name, cell, gridTrial(market, cell, job.seed), quick, chosen));
}

function playTrial(
  name: string,
  cell: GridCell | null,
  trial: Trial,
  quick: boolean,
  chosen: readonly { readonly method: Method; readonly settings: readonly number[] }[],
): JobResult {
  const roundMs = quick ? QUICK_ROUND_MS : ROUND_MS;
  const random = (): ReturnType<typeof seededRandom> => seededRandom(trial.seed * 7919 + 1);
  const scores = [
    ...(['standard', 'strict'] as const).map((mode) => playPacer(trial, mode, random(), roundMs)),
    ...chosen.map(({ method, settings }) => playBaseline(trial, method, settings, random())),
  ];
  return {
    name,
    market: trial.market.name,
    cell,
    forecastKs: forecastKs(trial.market),
    hindsightKs: hindsightKs(trial),
    scores: scores.map(({ byMinute: _, ...score }) => score),
  };
}
