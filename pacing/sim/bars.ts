import type { CellScore, CellScores } from './benchtables.ts';
import type { RoundCost } from './manylines.ts';

/** One bar, how many cells held it, and which missed it by how much. */
export interface Verdict {
  readonly bar: string;
  readonly held: number;
  readonly misses: readonly string[];
}

const PACER = 'evenkeel';
const STRICT = 'evenkeel strict';
const MAX_ROUND_MS = 50;

/** Judges every cell against the bars; a missed cell is named, never dropped. */
export function judge(cells: readonly CellScores[], round: RoundCost): Verdict[] {
  const verdicts = [
    check('1. strict mode delivers nothing above the budget', cells, (cell) => {
      const strict = scoreOf(cell, STRICT);
      return strict.overMax === 0 ? null : `${percent(strict.overMax)} over`;
    }),
    check('1. nothing is billed above the budget', cells, (cell) => {
      const worst = Math.max(scoreOf(cell, STRICT).billedOver, scoreOf(cell, PACER).billedOver);
      return worst === 0 ? null : `${percent(worst)} billed over`;
    }),
    check('2. 0.99 of the budget used up to 60 s of delay, 0.97 at 300 s', cells, (cell) => {
      const { utilisation } = scoreOf(cell, PACER);
      const bar = delayOf(cell) <= 60 ? 0.99 : 0.97;
      return utilisation >= bar ? null : `${utilisation.toFixed(4)}, bar ${bar}`;
    }),
    check('3. value 0.98 of hindsight up to 10 s (from 1,000 wins), 0.95 at 60 s, 0.90 at 300 s', cells, valueMiss),
    check("4. KS within 0.03 of the forecast's own", cells, (cell) => ksMiss(cell, cell.forecastKs)),
    check("4. the same of the forecast's own or of hindsight's", cells, (cell) =>
      ksMiss(cell, Math.max(cell.forecastKs, cell.hindsightKs)),
    ),
    check('5. within 1 % of the best published method, over-delivering no more', cells, (cell) =>
      bestMiss(cell, (score) => score.valueShare),
    ),
    check('5. the same for value at equal money (÷ hindsight with what was delivered)', cells, (cell) =>
      bestMiss(cell, (score) => score.valueForMoney),
    ),
  ];
  const cost = round.medianMs < MAX_ROUND_MS ? [] : [`${round.medianMs.toFixed(1)} ms`];
  return [
    ...verdicts,
    {
      bar: `${round.lineItems} line items under ${MAX_ROUND_MS} ms of CPU a round`,
      held: 1 - cost.length,
      misses: cost,
    },
  ];
}

function check(bar: string, cells: readonly CellScores[], miss: (cell: CellScores) => string | null): Verdict {
  const misses: string[] = [];
  for (const cell of cells) {
    const found = miss(cell);
    if (found !== null) misses.push(`${cell.market}: ${cell.name}: ${found}`);
  }
  return { bar, held: cells.length - misses.length, misses };
}

function ksMiss(cell: CellScores, of: number): string | null {
  if (/^budget [+−]/.test(cell.name)) return null;
  const { ks } = scoreOf(cell, PACER);
  if (ks <= of + 0.03) return null;
  return `${ks.toFixed(3)}, forecast ${cell.forecastKs.toFixed(3)}, hindsight ${cell.hindsightKs.toFixed(3)}`;
}

function valueMiss(cell: CellScores): string | null {
  // A budget that changes in flight has no single hindsight to compare with.
  if (/^budget [+−]/.test(cell.name)) return null;
  const { valueShare, wins } = scoreOf(cell, PACER);
  const delay = delayOf(cell);
  if (delay <= 10 && wins < 1000) return null;
  const bar = delay <= 10 ? 0.98 : delay <= 60 ? 0.95 : 0.9;
  return valueShare >= bar ? null : `${valueShare.toFixed(4)}, bar ${bar} (${Math.round(wins)} wins)`;
}

function bestMiss(cell: CellScores, worth: (score: CellScore) => number): string | null {
  if (/^budget [+−]/.test(cell.name)) return null;
  const own = scoreOf(cell, PACER);
  let best: CellScore | null = null;
  for (const score of cell.scores)
    if (!score.method.startsWith(PACER) && (best === null || worth(score) > worth(best))) best = score;
  if (best === null) return null;
  const enough = worth(own) >= worth(best) - 0.01;
  const less = own.over <= best.over;
  if (enough && less) return null;
  return `value ${worth(own).toFixed(3)} against ${worth(best).toFixed(3)} of ${best.method}, over ${percent(own.over)} against ${percent(best.over)}`;
}

function scoreOf(cell: CellScores, method: string): CellScore {
  return cell.scores.find((score) => score.method === method)!;
}

function delayOf(cell: CellScores): number {
  return cell.cell?.delaySeconds ?? 10;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}
