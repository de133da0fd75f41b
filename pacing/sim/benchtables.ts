import type { BenchResult } from './bench.ts';
import type { TrialScore } from './benchjob.ts';
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

/** The tables as they are printed and copied into docs/pacing.md: every cell, won or lost. */
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
  lines.push('', ...overview(result.cells), '', ...summary(result.cells));
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
    const [own, strict] = one.scores as readonly [CellScore, CellScore, ...CellScore[]];
    const best = bestOf(one);
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

/** The grid by budget and delay, averaged over markets, prices and lost notices: the pacer, and the best published method. */
function overview(cells: readonly CellScores[]): string[] {
  const grid = cells.filter((one): one is CellScores & { cell: GridCell } => one.cell !== null);
  const groups = new Map<string, (CellScores & { cell: GridCell })[]>();
  for (const one of grid) {
    const key = `1/${one.cell.divisor}, ${one.cell.delaySeconds} s`;
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  const head = ['budget, delay', 'cells', 'used', 'value', 'best value', 'best over %', 'KS − forecast'];
  const lines = [row(head)];
  for (const [key, group] of groups) {
    const mean = (pick: (one: CellScores) => number): number =>
      group.reduce((sum, one) => sum + pick(one), 0) / group.length;
    lines.push(
      row([
        key,
        String(group.length),
        mean((one) => one.scores[0]!.utilisation).toFixed(3),
        mean((one) => one.scores[0]!.valueShare).toFixed(3),
        mean((one) => bestOf(one).valueShare).toFixed(3),
        (100 * mean((one) => bestOf(one).over)).toFixed(2),
        mean((one) => one.scores[0]!.ks - one.forecastKs).toFixed(3),
      ]),
    );
  }
  return lines;
}

/** The published method of the highest value in a cell. */
function bestOf(one: CellScores): CellScore {
  const [, , first, ...others] = one.scores as readonly [CellScore, CellScore, CellScore, ...CellScore[]];
  return others.reduce((most, score) => (score.valueShare > most.valueShare ? score : most), first);
}
