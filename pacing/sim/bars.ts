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

/** By how much a cell misses a bar, in the unit of the bar, and in words. */
export interface Miss {
  readonly off: number;
  readonly says: string;
}

export interface Bar {
  /** Short name, for tables. */
  readonly id: string;
  readonly text: string;
  miss(cell: CellScores): Miss | null;
}

/** What must hold in every cell. */
export const bars: readonly Bar[] = [
  {
    id: '1',
    text: '1. strict mode delivers nothing above the budget',
    miss(cell) {
      const { overMax } = scoreOf(cell, STRICT);
      return overMax === 0 ? null : { off: overMax, says: `${percent(overMax)} over` };
    },
  },
  {
    id: '1 billed',
    text: '1. nothing is billed above the budget',
    miss(cell) {
      const worst = Math.max(scoreOf(cell, STRICT).billedOver, scoreOf(cell, PACER).billedOver);
      return worst === 0 ? null : { off: worst, says: `${percent(worst)} billed over` };
    },
  },
  {
    id: '2',
    text: '2. 0.99 of the budget used up to 60 s of delay, 0.97 at 300 s',
    miss(cell) {
      const { utilisation } = scoreOf(cell, PACER);
      const bar = delayOf(cell) <= 60 ? 0.99 : 0.97;
      return utilisation >= bar ? null : { off: bar - utilisation, says: `${utilisation.toFixed(4)}, bar ${bar}` };
    },
  },
  {
    id: '3',
    text: '3. value 0.98 of hindsight up to 10 s (from 1,000 wins), 0.95 at 60 s, 0.90 at 300 s',
    miss: valueMiss,
  },
  {
    id: '4',
    text: "4. KS within 0.03 of the forecast's own",
    miss: (cell) => ksMiss(cell, cell.forecastKs),
  },
  {
    id: '4b',
    text: "4. the same of the forecast's own or of hindsight's",
    miss: (cell) => ksMiss(cell, Math.max(cell.forecastKs, cell.hindsightKs)),
  },
  {
    id: '5',
    text: '5. within 1 % of the best published method, over-delivering no more',
    miss: (cell) => bestMiss(cell, (score) => score.valueShare),
  },
  {
    id: '5b',
    text: '5. the same for value at equal money (÷ hindsight with what was delivered)',
    miss: (cell) => bestMiss(cell, (score) => score.valueForMoney),
  },
];

/** Judges every cell against the bars; a missed cell is named, never dropped. */
export function judge(cells: readonly CellScores[], round: RoundCost): Verdict[] {
  const cost = round.worstMs < MAX_ROUND_MS ? [] : [`${round.worstMs.toFixed(1)} ms`];
  return [
    ...bars.map(({ text, miss }) => {
      const misses: string[] = [];
      for (const cell of cells) {
        const found = miss(cell);
        if (found !== null) misses.push(`${cell.market}: ${cell.name}: ${found.says}`);
      }
      return { bar: text, held: cells.length - misses.length, misses };
    }),
    {
      bar: `${round.lineItems} line items under ${MAX_ROUND_MS} ms of CPU in every round`,
      held: 1 - cost.length,
      misses: cost,
    },
  ];
}

function ksMiss(cell: CellScores, of: number): Miss | null {
  if (/^budget [+−]/.test(cell.name)) return null;
  const { ks } = scoreOf(cell, PACER);
  if (ks <= of + 0.03) return null;
  return {
    off: ks - of - 0.03,
    says: `${ks.toFixed(3)}, forecast ${cell.forecastKs.toFixed(3)}, hindsight ${cell.hindsightKs.toFixed(3)}`,
  };
}

function valueMiss(cell: CellScores): Miss | null {
  // A budget that changes in flight has no single hindsight to compare with.
  if (/^budget [+−]/.test(cell.name)) return null;
  const { valueShare, wins } = scoreOf(cell, PACER);
  const delay = delayOf(cell);
  if (delay <= 10 && wins < 1000) return null;
  const bar = delay <= 10 ? 0.98 : delay <= 60 ? 0.95 : 0.9;
  if (valueShare >= bar) return null;
  return { off: bar - valueShare, says: `${valueShare.toFixed(4)}, bar ${bar} (${Math.round(wins)} wins)` };
}

function bestMiss(cell: CellScores, worth: (score: CellScore) => number): Miss | null {
  if (/^budget [+−]/.test(cell.name)) return null;
  const own = scoreOf(cell, PACER);
  const published = cell.scores.filter((score) => !score.method.startsWith(PACER));
  const best = published.reduce((most, score) => (worth(score) > worth(most) ? score : most), published[0]!);
  if (worth(own) >= worth(best) - 0.01 && own.over <= best.over) return null;
  return {
    off: worth(best) - worth(own),
    says: `value ${worth(own).toFixed(3)} against ${worth(best).toFixed(3)} of ${best.method}, over ${percent(own.over)} against ${percent(best.over)}`,
  };
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
