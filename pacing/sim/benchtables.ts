import type { BenchResult } from './bench.ts';
import type { TrialScore } from './benchjob.ts';
import { row, summary } from './benchsummary.ts';
import type { GridCell } from './grid.ts';

/** The scores of all methods in one cell, averaged over seeds. */
export interface CellScores {
  readonly name: string;
  readonly market: string;
  readonly cell: GridCell | null;
  readonly seeds: number;
  readonly forecastKs: number;
  /** Of what hindsight buys: for few wins this is chance. */
  readonly hindsightKs: number;
  readonly scores: readonly CellScore[];
}
export interface CellScore extends TrialScore {
  readonly overMax: number;
}

/** Every method in every cell, won or lost, then what it comes to. */
export function tables(result: BenchResult): string {
  const head = ['method', 'over % mean', 'max', 'billed', 'used', 'value', 'KS', 'RMSE', 'CPC', 'effort', 'µs/round'];
  const lines: string[] = [];
  for (const one of result.cells) {
    lines.push(
      '',
      `${one.market}: ${one.name} (${one.seeds} seeds; the forecast's own KS ${one.forecastKs.toFixed(3)})`,
      row(head),
    );
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
  lines.push('', summary(result));
  lines.push('');
  for (const { misses } of result.verdicts) for (const miss of misses) lines.push(`missed: ${miss}`);
  return `${lines.join('\n')}\n`;
}
