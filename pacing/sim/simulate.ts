import { writeFileSync } from 'node:fs';
import { CodedError, messageOf } from '../../core/errors.ts';
import { seededRandom } from '../../core/random.ts';
import { playBaseline, playPacer, type Score, type Trial } from './arena.ts';
import { methods } from './baselines.ts';
import { gridMarkets, gridTrial } from './grid.ts';
import { htmlReport } from './report.ts';
import { scenarios } from './scenarios.ts';

export interface SimulateOptions {
  /** A scenario's name, or `replay` for the logged day (where it is there, else a synthetic one). */
  readonly scenario?: string;
  /** The same seed gives the same run; 1 by default. */
  readonly seed?: number;
  readonly auctions?: number;
  /** The budget is this fraction of what the whole market costs: 16 means a sixteenth. */
  readonly budgetDivisor?: number;
  readonly delaySeconds?: number;
  /** Share of notices lost, 0 to 1. */
  readonly noticeLoss?: number;
  readonly firstPrice?: boolean;
  readonly mode?: 'standard' | 'strict';
  /** Where to write the HTML report; none when absent. */
  readonly html?: string;
  readonly dataDir?: string;
  readonly write?: (text: string) => void;
  /** Called with the share done, 0 to 1, and what is being run. */
  readonly onProgress?: (share: number, what: string) => void;
}

const DEFAULT_AUCTIONS = 40_000;
const ROUND_MS = 10_000;

/** Names that `scenario` takes. */
export const scenarioNames: readonly string[] = ['replay', ...scenarios.map((scenario) => scenario.name)];

/**
 * Plays one day for the pacer and every published method, prints a table and writes a report.
 * @returns the exit code, 0
 * @throws CodedError `unknown_scenario` · `report_not_written`
 */
export async function simulate(options: SimulateOptions): Promise<number> {
  const write = options.write ?? ((text: string) => process.stdout.write(text));
  const seed = options.seed ?? 1;
  const trial = trialOf(options, seed);
  const scores: Score[] = [];
  const total = methods.length + 1;
  const step = async (what: string, play: () => Score): Promise<void> => {
    options.onProgress?.(scores.length / total, what);
    await new Promise((resolve) => setImmediate(resolve));
    scores.push(play());
  };
  const random = (): ReturnType<typeof seededRandom> => seededRandom(seed * 7919 + 1);
  await step('evenkeel', () => playPacer(trial, options.mode ?? 'standard', random(), ROUND_MS));
  for (const method of methods)
    await step(method.name, () => playBaseline(trial, method, method.settings[0]!, random()));
  options.onProgress?.(1, 'done');
  const title = `${options.scenario ?? 'replay'}: ${trial.market.atMs.length} auctions, seed ${seed}`;
  write(table(title, scores));
  if (options.html !== undefined) writeReport(options.html, title, trial, scores, write);
  return 0;
}

function trialOf(options: SimulateOptions, seed: number): Trial {
  const name = options.scenario ?? 'replay';
  const auctions = options.auctions ?? DEFAULT_AUCTIONS;
  const divisor = options.budgetDivisor ?? 16;
  const cell = {
    divisor,
    delaySeconds: options.delaySeconds ?? 10,
    noticeLoss: options.noticeLoss ?? 0,
    firstPrice: options.firstPrice ?? false,
  };
  if (name === 'replay')
    return gridTrial(gridMarkets(options.dataDir ?? '../shared/data', seed, auctions)[0]!, cell, seed);
  const scenario = scenarios.find((one) => one.name === name);
  if (scenario === undefined)
    throw new CodedError(
      'unknown_scenario',
      `There is no scenario "${name}".`,
      `Use one of: ${scenarioNames.join(', ')}.`,
    );
  const usual = scenario.trial(seed, auctions);
  return {
    ...usual,
    ...(options.budgetDivisor === undefined ? {} : { budgetNanos: Math.floor((usual.budgetNanos * 16) / divisor) }),
    delayMs: cell.delaySeconds * 1000,
    noticeLoss: cell.noticeLoss,
    firstPrice: cell.firstPrice,
  };
}

function writeReport(
  path: string,
  title: string,
  trial: Trial,
  scores: readonly Score[],
  write: (text: string) => void,
): void {
  const { market } = trial;
  const traffic = new Float64Array(Math.ceil((market.endMs - market.startMs) / 60_000));
  for (const at of market.atMs) traffic[Math.floor((at - market.startMs) / 60_000)]!++;
  try {
    writeFileSync(path, htmlReport(title, traffic, trial.finalBudgetNanos ?? trial.budgetNanos, scores));
  } catch (error) {
    throw new CodedError(
      'report_not_written',
      `${path}: ${messageOf(error)}.`,
      'Give a path that can be written.',
      error,
    );
  }
  write(`Report: ${path}\n`);
}

function table(title: string, scores: readonly Score[]): string {
  const lines = [
    title,
    `${'method'.padEnd(26)}${['over %', 'used', 'value', 'KS', 'wins', 'clicks'].map((one) => one.padStart(9)).join('')}`,
  ];
  for (const score of scores)
    lines.push(
      score.method.padEnd(26) +
        [
          (score.over * 100).toFixed(2),
          score.utilisation.toFixed(3),
          score.valueShare.toFixed(3),
          score.ks.toFixed(3),
          String(score.wins),
          String(score.clicks),
        ]
          .map((one) => one.padStart(9))
          .join(''),
    );
  return `${lines.join('\n')}\n`;
}
